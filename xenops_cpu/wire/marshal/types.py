"""Compile a type, written as in annotations, to the functions that read and write its trees."""

from __future__ import annotations

import types
import typing
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any

import attrs

from .scalars import SCALARS, SHOWN, MarshalError, Reader, Writer, describe, expected, shown

MISSING: Any = object()


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
    if type_ in SCALARS:
        return SCALARS[type_]
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
            raise expected("a list", value)
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
            raise expected("a struct", value)
        return {name: named(name, function, item) for name, item in value.items()}

    return lambda value: each(read_item, value), lambda value: each(write_item, value)


def named(name: str, function: Reader, value: Any) -> Any:
    try:
        return function(value)
    except MarshalError as error:
        raise error.inside(name) from None


def _tuple(inner: tuple[tuple[Reader, Writer], ...]) -> tuple[Reader, Writer]:
    readers, writers = zip(*inner, strict=True)

    def read(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(readers):
            raise expected(f"a list of {len(readers)}", value)
        return tuple(named(f"[{i}]", readers[i], item) for i, item in enumerate(value))

    def write(value: Any) -> list[Any]:
        if type(value) is not tuple or len(value) != len(writers):
            raise MarshalError(f"expected a tuple of {len(writers)}, got {value!r:.{SHOWN}}")
        return [named(f"[{i}]", writers[i], item) for i, item in enumerate(value)]

    return read, write


def _option(read_some: Reader, write_some: Writer) -> tuple[Reader, Writer]:
    """rpclib's option where it is not a member or parameter: [x] or []."""

    def read(value: Any) -> Any:
        if type(value) is list and len(value) <= 1:
            return read_some(value[0]) if value else None
        raise expected("a list of 0 or 1", value)

    return read, lambda value: [] if value is None else [write_some(value)]


def is_optional(type_: Any) -> bool:
    """True for X | None: such a member or parameter is left out when it is None."""
    return types.NoneType in typing.get_args(type_)


def is_tagged(type_: Any) -> bool:
    """Whether values are tags: an enumeration, a variant, or an option of one."""
    arguments = [item for item in typing.get_args(type_) if item is not types.NoneType]
    if typing.get_origin(type_) in (typing.Union, types.UnionType):
        return all(map(is_tagged, arguments))
    return isinstance(type_, type) and (issubclass(type_, Enum) or hasattr(type_, "tag"))


def is_constant_record(type_: Any) -> bool:
    """Whether a value is a record that cannot change: frozen, of scalars and such records."""
    return (
        isinstance(type_, type)
        and attrs.has(type_)
        and all(item in SCALARS or is_constant_record(item) for item in _types_of(type_))
    )


def _types_of(cls: type) -> list[Any]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return [hints[item.name] for item in attrs.fields(cls)]


def member(type_: Any) -> tuple[Reader, Writer]:
    """A member's or parameter's functions: of an option the plain value travels."""
    if is_optional(type_):
        (type_,) = (inner for inner in typing.get_args(type_) if inner is not types.NoneType)
    return _compiled(type_)


def _record(cls: type) -> tuple[Reader, Writer]:
    hints = typing.get_type_hints(cls, include_extras=True)
    names = [field.name for field in attrs.fields(cls)]
    plan = [(name, *member(hints[name]), is_optional(hints[name])) for name in names]
    optional = {name for name, *_, may_be_absent in plan if may_be_absent}
    # rpclib builds the list of members from the front: the last one declared comes first.
    backwards = tuple((name, write) for name, _, write, _ in reversed(plan))
    fetch = attrgetter(*reversed(names)) if len(names) > 1 else lambda v: (getattr(v, names[0]),)

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise expected(f"a struct ({cls.__name__})", value)
        arguments: list[Any] = []
        lowered: dict[str, Any] | None = None
        for name, read_member, _, may_be_absent in plan:
            item = value.get(name, MISSING)
            if item is MISSING:
                if lowered is None:  # rpclib takes a member's name whatever its case
                    lowered = {}
                    for key, other in value.items():
                        lowered.setdefault(key.lower(), other)
                item = lowered.get(name.lower(), MISSING)
            if item is MISSING:
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
    raise expected("a tag or a list of tag and payload", value)


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
            raise expected(f"a list of {len(names)}", payload).inside(tag)
        values = zip(names, inner, payload, strict=True)
        try:
            return cls(*(named(name, read, item) for name, (read, _), item in values))
        except MarshalError as error:
            raise error.inside(tag) from None

    def write(value: Any) -> Any:
        try:
            written = [
                named(name, write, getattr(value, name))
                for name, (_, write) in zip(names, inner, strict=True)
            ]
        except MarshalError as error:
            raise error.inside(tag) from None
        if not written:
            return tag
        return [tag, written[0] if len(written) == 1 else written]

    return read, write
