"""The tree's scalars: reading them as rpclib does, describing them in an error.

An int is whatever OCaml's int_of_string takes, because XML brings ints as text.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

# str | int | bool | float | None | bytes | list[Value] | dict[str, Value], as rpclib's Rpc.t.
Value: TypeAlias = Any
Reader: TypeAlias = Callable[[Any], Any]
Writer: TypeAlias = Callable[[Any], Any]

INT_MIN, INT_MAX = -(2**62), 2**62 - 1
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
SHOWN = 40  # characters of a wrong value that an error text shows

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


def expected(form: str, value: Any) -> MarshalError:
    return MarshalError(f"expected {form}, got {describe(value)}")


def _read_str(value: Any) -> str:
    if type(value) is str:
        return value
    raise expected("a string", value)


def _read_int(value: Any) -> int:
    return _int_within(value, INT_MIN, INT_MAX, "an int of 63 bits")


def _read_int64(value: Any) -> int:
    return _int_within(value, INT64_MIN, INT64_MAX, "an int of 64 bits")


def _int_within(value: Any, least: int, most: int, form: str) -> int:
    if type(value) is int:
        number = value
    elif type(value) is str and len(value) <= _LONGEST_INT and (match := _INT.match(value)):
        sign, *bases = match.groups()
        digits, base = next((d, b) for d, b in zip(bases, _BASES, strict=True) if d)
        number = int(digits.replace("_", ""), base) * (-1 if sign == "-" else 1)
    else:
        raise expected("an int", value)
    if least <= number <= most:
        return number
    raise expected(form, value)


def _read_bool(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise expected("a boolean", value)


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
    raise expected("a float", value)


def _read_none(value: Any) -> None:
    if value is not None:
        raise expected("nil", value)


def _write_int(value: Any) -> int:
    if type(value) is int and INT_MIN <= value <= INT_MAX:
        return value
    raise expected("an int of 63 bits", value)


def _write_int64(value: Any) -> int:
    if type(value) is int and INT64_MIN <= value <= INT64_MAX:
        return value
    raise expected("an int of 64 bits", value)


# A float is written as a float even when it came as an int.
SCALARS: dict[Any, tuple[Reader, Writer]] = {
    str: (_read_str, _read_str),
    int: (_read_int, _write_int),
    bool: (_read_bool, _read_bool),
    float: (_read_float, _read_float),
    None: (_read_none, _read_none),
    types.NoneType: (_read_none, _read_none),
    Annotated[int, "int64"]: (_read_int64, _write_int64),
}
