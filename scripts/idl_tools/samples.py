"""Every value that a type can make from small samples, as value trees and in rpclib's own order.

The order and the samples are those of rpclib 10.2's Rpc_genfake.genall, which xapi-idl's test-data
generator calls with a depth of 2: a text is named after the parameter, member or "error" that it
stands in; products are walked by diagonals; of a record's members the first changes fastest; below
depth 0 a list, dict, option, boolean, record or variant gives its first value only. A named string
gives its examples, as the featuresets of xenopsd's interface do.
"""

from __future__ import annotations

from typing import Any

from .model import (
    Basic,
    DictOf,
    ListOf,
    Member,
    Method,
    Param,
    Record,
    Text,
    TupleOf,
    Type,
    Variant,
)

DEPTH = 2
BASIC: dict[str, list[Any]] = {
    "int": [0],
    "int64": [0],
    "float": [0.0],
    "unit": [None],
}


def samples(type_: Type, hint: str, depth: int = DEPTH) -> list[Any]:
    """The trees of a type's values. `hint` is what a text says."""
    match type_:
        case Basic("string"):
            return [hint]
        case Basic("bool"):
            return thin(depth, [True, False])
        case Basic(kind):
            return list(BASIC[kind])
        case Text():
            return list(type_.samples)
        case ListOf(item):
            return thin(depth, [samples(item, hint, depth - 1), []])
        case DictOf(item):
            return thin(depth, [{hint: value} for value in samples(item, hint, depth - 1)])
        case TupleOf(items):
            return tuples([samples(item, hint, depth - 1) for item in items], depth)
        case Record():
            return thin(depth, records(type_, depth))
        case Variant():
            return thin(depth, variants(type_, hint, depth))


def thin(depth: int, values: list[Any]) -> list[Any]:
    return values[:1] if depth < 0 else values


def tuples(inner: list[list[Any]], depth: int) -> list[list[Any]]:
    """rpclib's pairs; its triples are ((a, b), c) and its quadruples ((a, b), (c, d))."""
    match inner:
        case [a, b]:
            return thin(depth, [[x, y] for x, y in diagonals(a, b)])
        case [a, b, c]:
            return [[x, y, z] for (x, y), z in diagonals(diagonals(a, b), c)]
        case [a, b, c, d]:
            pairs = diagonals(diagonals(a, b), diagonals(c, d))
            return [[x, y, z, t] for (x, y), (z, t) in pairs]
        case _:
            raise AssertionError("the contract has tuples of 2 to 4 only")


def diagonals(xs: list[Any], ys: list[Any]) -> list[tuple[Any, Any]]:
    """All pairs as OCaml's Seq.product gives them: by rising i + j, then by falling i."""
    return [
        (xs[i], ys[total - i])
        for total in range(len(xs) + len(ys) - 1)
        for i in range(min(total, len(xs) - 1), -1, -1)
        if total - i < len(ys)
    ]


def records(record: Record, depth: int) -> list[dict[str, Any]]:
    """All combinations of the members' values, each record's members last declared first."""
    combinations: list[dict[str, Any]] = [{}]
    for member in record.members:
        choices = _choices(member, depth - 1)
        combinations = [choice | before for choice in choices for before in combinations]
    return combinations


def variants(variant: Variant, hint: str, depth: int) -> list[Any]:
    return [
        tag.name if tag.payload is None else [tag.name, value]
        for tag in variant.tags
        for value in ([None] if tag.payload is None else samples(tag.payload, hint, depth - 1))
    ]


def requests(method: Method) -> list[dict[str, Any]]:
    """Every call's named parameters, last declared first; the first parameter changes fastest."""
    calls: list[dict[str, Any]] = [{}]
    for param in method.params:
        calls = [choice | before for choice in _choices(param, DEPTH) for before in calls]
    return calls


def _choices(part: Member | Param, depth: int) -> list[dict[str, Any]]:
    """A member or parameter with each of its values; an option is a level more, and may be out."""
    inner = depth if part.required else depth - 1
    values: list[dict[str, Any]] = [
        {part.name: value} for value in samples(part.type, part.name, inner)
    ]
    return values if part.required else thin(depth, [*values, {}])
