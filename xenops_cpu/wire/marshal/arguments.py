"""A call's parameters: one struct with all of them by name, as rpclib sends and reads them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from .scalars import MarshalError, describe
from .types import MISSING, is_optional, member, named


@cache
def arguments_reader(params: tuple[tuple[str, Any], ...]) -> Callable[[Any], list[Any]]:
    """From a call's list of parameters to the typed values, in order.

    rpclib looks in the first parameter only, which has to be a struct; others are ignored, and so
    are names that the method does not have.
    """
    plan = [(name, member(type_)[0], is_optional(type_)) for name, type_ in params]
    names = ", ".join(name for name, _ in params)

    def read(params: list[Any]) -> list[Any]:
        if not params or type(params[0]) is not dict:
            value = describe(params[0]) if params else "nothing"
            raise MarshalError(f"parameters go by name, in one struct ({names}); got {value}")
        struct = params[0]
        values = []
        for name, read_value, may_be_absent in plan:
            item = struct.get(name, MISSING)
            if item is not MISSING:
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
    plan = [(name, member(type_)[1], is_optional(type_)) for name, type_ in reversed(params)]

    def write(values: dict[str, Any]) -> list[Any]:
        struct = {}
        for name, write_value, may_be_absent in plan:
            if values.get(name) is None and may_be_absent:
                continue
            if name not in values:
                raise MarshalError(f"parameter {name} is missing")
            struct[name] = named(f"parameter {name}", write_value, values[name])
        return [struct]

    return write
