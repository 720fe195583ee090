"""Typed values to and from rpclib's value tree, the form that both wires share.

The tree is str, int, bool, float, None, bytes, list and dict. XML writes an int as bare text, so
from XML it arrives as a str; a reader therefore takes for an int whatever OCaml's int_of_string
takes (rpclib 10.2).

`reader(type)` and `writer(type)` compile a function for a type once and keep it. Types are written
as in annotations: str, int (63 bits, as in OCaml), Annotated[int, "int64"], bool, float, None,
list[X], dict[str, X], tuple[...], X | None, an Enum, a frozen attrs record, a class with a `tag`,
and a union of such classes, which is a variant. Both kinds of function raise MarshalError, whose
text names the member.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, TypeAlias

import attrs

# str | int | bool | float | None | bytes | list[Value] | dict[str, Value], as rpclib's Rpc.t.
Value: TypeAlias = Any
Reader: TypeAlias = Callable[[Any], Any]
Writer: TypeAlias = Callable[[Any], Any]

INT_MIN, INT_MAX = -(2**62), 2**62 - 1
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
SHOWN = 40  # characters of a wrong value that an error text shows

_MISSING: Any = object()
# OCaml's int_of_string: sign, prefix, digits with underscores between them; nothing around them.
_INT = re.compile(
    r"([+-]?)(?:0[xX]([0-9a-fA-F][0-9a-fA-F_]*)|0[oO]([0-7][0-7_]*)|0[bB]([01][01_]*)"
    r"|(?:0[uU])?([0-9][0-9_]*))\Z",
    re.ASCII,
)
_BASES = (16, 8, 2, 10)
_LONGEST_INT = 80  # more digits than a 64-bit number can have in any base


class MarshalError(ValueError):
    """A value that is not of its type. `path` is where it stands, outermost name first."""

    def __init__(self, problem: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path

    def inside(self, name: str) -> MarshalError:
        """The same error, seen from one level further out."""
        return MarshalError(self.problem, (name, *self.path))

    def __str__(self) -> str:
        where = "".join(
            name if name.startswith("[") or not index else f".{name}"
            for index, name in enumerate(self.path)
        )
        return f"{where}: {self.problem}" if where else self.problem


def shown(text: str) -> str:
    """Text from outside for an error or a log: short, and on one line."""
    text = text if len(text) <= SHOWN else text[:SHOWN] + "..."
    return text if text.isprintable() else repr(text)[1:-1]


def describe(value: Any) -> str:
    """A value in words, short enough for an error: `an int (5)`, `a list of 3`."""
    match value:
        case None:
            return "nil"
        case bool():
            return f"a boolean ({str(value).lower()})"
        case int():
            text = str(value) if -(10**SHOWN) < value < 10**SHOWN else "of many digits"
            return f"an int ({text})"
        case float():
            return f"a float ({value!r})"
        case str():
            return f'a string ("{shown(value)}")'
        case list():
            return f"a list of {len(value)}"
        case dict():
            return f"a struct of {len(value)}"
        case bytes():
            return "base64 data"
        case _:
            return f"a {type(value).__name__}"


def _expected(what: str, value: Any) -> MarshalError:
    return MarshalError(f"expected {what}, got {describe(value)}")


# ---- scalars ----------------------------------------------------------------------------------


def _read_str(value: Any) -> str:
    if type(value) is str:
        return value
    raise _expected("a string", value)


def _read_int(value: Any) -> int:
    return _int_within(value, INT_MIN, INT_MAX, "an int of 63 bits")


def _read_int64(value: Any) -> int:
    return _int_within(value, INT64_MIN, INT64_MAX, "an int of 64 bits")


def _int_within(value: Any, least: int, most: int, what: str) -> int:
    if type(value) is int:
        number = value
    elif type(value) is str and len(value) <= _LONGEST_INT and (match := _INT.match(value)):
        sign, *bases = match.groups()
        digits, base = next((d, b) for d, b in zip(bases, _BASES, strict=True) if d)
        number = int(digits.replace("_", ""), base) * (-1 if sign == "-" else 1)
    else:
        raise _expected("an int", value)
    if least <= number <= most:
        return number
    raise _expected(what, value)


def _read_bool(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise _expected("a boolean", value)


def _read_float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    if type(value) is str and value.isascii() and value == value.strip():
        try:
            return float(value)
        except ValueError:
            pass
    raise _expected("a float", value)


def _read_none(value: Any) -> None:
    if value is not None:
        raise _expected("nil", value)


def _write_int(value: Any) -> int:
    if type(value) is int and INT_MIN <= value <= INT_MAX:
        return value
    raise _expected("an int of 63 bits", value)


def _write_int64(value: Any) -> int:
    if type(value) is int and INT64_MIN <= value <= INT64_MAX:
        return value
    raise _expected("an int of 64 bits", value)


# A float is written as a float even when it came as an int.
_SCALARS: dict[Any, tuple[Reader, Writer]] = {
    str: (_read_str, _read_str),
    int: (_read_int, _write_int),
    bool: (_read_bool, _read_bool),
    float: (_read_float, _read_float),
    None: (_read_none, _read_none),
    types.NoneType: (_read_none, _read_none),
    Annotated[int, "int64"]: (_read_int64, _write_int64),
}


# ---- compilation ------------------------------------------------------------------------------


@cache
def reader(type_: Any) -> Reader:
    """The function from a tree to a value of the type. TypeError when rpclib has no such type."""
    return _compiled(type_)[0]


@cache
def writer(type_: Any) -> Writer:
    """The function from a value of the type to a tree."""
    return _compiled(type_)[1]


@cache
def _compiled(type_: Any) -> tuple[Reader, Writer]:
    if type_ in _SCALARS:
        return _SCALARS[type_]
    origin, arguments = typing.get_origin(type_), typing.get_args(type_)
    if origin is list:
        return _list(*_compiled(arguments[0]))
    if origin is dict:
        return _dict(*_compiled(arguments[1]))
    if origin is tuple:
        return _tuple(tuple(_compiled(argument) for argument in arguments))
    if origin in (typing.Union, types.UnionType):
        if types.NoneType in arguments:
            (inner,) = (argument for argument in arguments if argument is not types.NoneType)
            return _option(*_compiled(inner))
        return _variant(arguments)
    if isinstance(type_, type) and issubclass(type_, Enum):
        return _enumeration(type_)
    if isinstance(type_, type) and attrs.has(type_):
        return _variant((type_,)) if hasattr(type_, "tag") else _record(type_)
    raise TypeError(f"{type_!r} is none of rpclib's types")


def _list(read_item: Reader, write_item: Writer) -> tuple[Reader, Writer]:
    def read(value: Any) -> list[Any]:
        return each(read_item, value)

    def write(value: Any) -> list[Any]:
        return each(write_item, value)

    def each(function: Reader, value: Any) -> list[Any]:
        if type(value) is not list:
            raise _expected("a list", value)
        index = 0
        try:
            items = []
            for index, item in enumerate(value):  # noqa: B007 - the error names it
                items.append(function(item))
        except MarshalError as error:
            raise error.inside(f"[{index}]") from None
        return items

    return read, write


def _dict(read_item: Reader, write_item: Writer) -> tuple[Reader, Writer]:
    def each(function: Reader, value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _expected("a struct", value)
        return {name: _named(name, function, item) for name, item in value.items()}

    return lambda value: each(read_item, value), lambda value: each(write_item, value)


def _named(name: str, function: Reader, value: Any) -> Any:
    try:
        return function(value)
    except MarshalError as error:
        raise error.inside(name) from None


def _tuple(inner: tuple[tuple[Reader, Writer], ...]) -> tuple[Reader, Writer]:
    readers, writers = zip(*inner, strict=True)

    def read(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(readers):
            raise _expected(f"a list of {len(readers)}", value)
        return tuple(_named(f"[{i}]", readers[i], item) for i, item in enumerate(value))

    def write(value: Any) -> list[Any]:
        if type(value) is not tuple or len(value) != len(writers):
            raise MarshalError(f"expected a tuple of {len(writers)}, got {value!r:.{SHOWN}}")
        return [_named(f"[{i}]", writers[i], item) for i, item in enumerate(value)]

    return read, write


def _option(read_some: Reader, write_some: Writer) -> tuple[Reader, Writer]:
    """rpclib's option where it is not a member or parameter: [x] or []."""

    def read(value: Any) -> Any:
        if type(value) is list and len(value) <= 1:
            return read_some(value[0]) if value else None
        raise _expected("a list of 0 or 1", value)

    return read, lambda value: [] if value is None else [write_some(value)]


def is_optional(type_: Any) -> bool:
    """True for X | None: such a member or parameter is left out when it is None."""
    return types.NoneType in typing.get_args(type_)


def _member(type_: Any) -> tuple[Reader, Writer]:
    """A member's or parameter's functions: of an option the plain value travels."""
    if is_optional(type_):
        (type_,) = (inner for inner in typing.get_args(type_) if inner is not types.NoneType)
    return _compiled(type_)


def _record(cls: type) -> tuple[Reader, Writer]:
    hints = typing.get_type_hints(cls, include_extras=True)
    names = [field.name for field in attrs.fields(cls)]
    plan = [(name, *_member(hints[name]), is_optional(hints[name])) for name in names]
    optional = {name for name, *_, may_be_absent in plan if may_be_absent}
    # rpclib builds the list of members from the front: the last one declared comes first.
    backwards = tuple((name, write) for name, _, write, _ in reversed(plan))
    fetch = attrgetter(*reversed(names)) if len(names) > 1 else lambda v: (getattr(v, names[0]),)

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise _expected(f"a struct ({cls.__name__})", value)
        arguments: list[Any] = []
        lowered: dict[str, Any] | None = None
        for name, read_member, _, may_be_absent in plan:
            item = value.get(name, _MISSING)
            if item is _MISSING:
                if lowered is None:  # rpclib takes a member's name whatever its case
                    lowered = {}
                    for key, other in value.items():
                        lowered.setdefault(key.lower(), other)
                item = lowered.get(name.lower(), _MISSING)
            if item is _MISSING:
                if not may_be_absent:
                    raise MarshalError(f"the member {name} of {cls.__name__} is missing")
                arguments.append(None)
                continue
            try:
                arguments.append(read_member(item))
            except MarshalError as error:
                raise error.inside(name) from None
        return cls(*arguments)

    def write(value: Any) -> dict[str, Any]:
        if type(value) is not cls:
            raise MarshalError(f"expected {cls.__name__}, got {value!r:.{SHOWN}}")
        written = {}
        name = ""
        try:
            for (name, write_member), item in zip(backwards, fetch(value), strict=True):
                if item is None and name in optional:
                    continue
                written[name] = write_member(item)
        except MarshalError as error:
            raise error.inside(name) from None
        return written

    return read, write


def _enumeration(cls: type[Enum]) -> tuple[Reader, Writer]:
    members = {str(member.value).lower(): member for member in cls}
    known = ", ".join(str(member.value) for member in cls)

    def read(value: Any) -> Enum:
        tag, payload = _tagged(value)
        member = members.get(tag.lower())
        if member is None:
            raise MarshalError(f'expected one of {known}, got "{shown(tag)}"')
        if payload is not None:
            raise MarshalError(f"{member.value} has no payload, got {describe(payload)}")
        return member

    def write(value: Any) -> str:
        if type(value) is not cls:
            raise MarshalError(f"expected {cls.__name__}, got {value!r:.{SHOWN}}")
        return str(value.value)

    return read, write


def _tagged(value: Any) -> tuple[str, Any]:
    if type(value) is str:
        return value, None
    if type(value) is list and len(value) == 2 and type(value[0]) is str:
        return value[0], value[1]
    raise _expected("a tag or a list of tag and payload", value)


def _variant(classes: tuple[Any, ...]) -> tuple[Reader, Writer]:
    readers: dict[str, Reader] = {}
    writers: dict[type, Writer] = {}
    otherwise = None
    for cls in classes:
        readers[cls.tag.lower()], writers[cls] = _tag(cls)
        if getattr(cls, "catches_unknown", False):
            otherwise = cls

    def read(value: Any) -> Any:
        tag, payload = _tagged(value)
        read_payload = readers.get(tag.lower())
        if read_payload is not None:
            return read_payload(payload)
        if otherwise is not None:
            return otherwise()
        known = ", ".join(cls.tag for cls in classes)
        raise MarshalError(f'expected one of {known}, got "{shown(tag)}"')

    def write(value: Any) -> Any:
        write_one = writers.get(type(value))
        if write_one is None:
            raise MarshalError(f"{value!r:.{SHOWN}} is not in the variant")
        return write_one(value)

    return read, write


def _tag(cls: Any) -> tuple[Reader, Writer]:
    """A tag's functions: no field is no payload, one is the payload itself, several are a tuple."""
    hints = typing.get_type_hints(cls, include_extras=True)
    names = [field.name for field in attrs.fields(cls)]
    inner = [_compiled(hints[name]) for name in names]
    tag: str = cls.tag

    def read(payload: Any) -> Any:
        if len(names) == 1:
            payload = [payload]
        if not names:
            if payload is not None:
                raise MarshalError(f"{tag} has no payload, got {describe(payload)}")
            return cls()
        if type(payload) is not list or len(payload) != len(names):
            raise _expected(f"a list of {len(names)}", payload).inside(tag)
        values = zip(names, inner, payload, strict=True)
        try:
            return cls(*(_named(name, read, item) for name, (read, _), item in values))
        except MarshalError as error:
            raise error.inside(tag) from None

    def write(value: Any) -> Any:
        try:
            written = [
                _named(name, write, getattr(value, name))
                for name, (_, write) in zip(names, inner, strict=True)
            ]
        except MarshalError as error:
            raise error.inside(tag) from None
        if not written:
            return tag
        return [tag, written[0] if len(written) == 1 else written]

    return read, write


# ---- parameters -------------------------------------------------------------------------------


@cache
def arguments_reader(params: tuple[tuple[str, Any], ...]) -> Callable[[Any], list[Any]]:
    """From a call's list of parameters to the typed values, in order.

    rpclib looks in the first parameter only, which has to be a struct; others are ignored, and so
    are names that the method does not have.
    """
    plan = [(name, _member(type_)[0], is_optional(type_)) for name, type_ in params]
    names = ", ".join(name for name, _ in params)

    def read(given: list[Any]) -> list[Any]:
        if not given or type(given[0]) is not dict:
            got = describe(given[0]) if given else "nothing"
            raise MarshalError(f"parameters go by name, in one struct ({names}); got {got}")
        struct = given[0]
        values = []
        for name, read_value, may_be_absent in plan:
            item = struct.get(name, _MISSING)
            if item is not _MISSING:
                try:
                    values.append(read_value(item))
                except MarshalError as error:
                    raise error.inside(f"parameter {name}") from None
            elif may_be_absent:
                values.append(None)
            else:
                raise MarshalError(f"parameter {name} is missing; the parameters are {names}")
        return values

    return read


@cache
def arguments_writer(params: tuple[tuple[str, Any], ...]) -> Callable[[dict[str, Any]], list[Any]]:
    """From typed values by name to a call's parameters: one struct, last declared name first."""
    plan = [(name, _member(type_)[1], is_optional(type_)) for name, type_ in reversed(params)]

    def write(values: dict[str, Any]) -> list[Any]:
        struct = {}
        for name, write_value, may_be_absent in plan:
            if values.get(name) is None and may_be_absent:
                continue
            if name not in values:
                raise MarshalError(f"parameter {name} is missing")
            struct[name] = _named(f"parameter {name}", write_value, values[name])
        return [struct]

    return write
