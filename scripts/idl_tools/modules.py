"""Which of OCaml's modules the types stand in, and in which order those come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .document import ContractError
from .model import DictOf, ListOf, Record, Text, TupleOf, Type, Variant


def modules(types: Sequence[Text | Record | Variant]) -> dict[str, list[Text | Record | Variant]]:
    """Types by their module, in the contract's order as far as a module uses only earlier ones.

    Raises ContractError where two modules use each other.
    """
    groups: dict[str, list[Text | Record | Variant]] = {}
    for type_ in types:
        groups.setdefault(module_of(type_), []).append(type_)
    uses = {
        module: {module_of(used) for type_ in group for used in named_in(type_)} - {module}
        for module, group in groups.items()
    }
    order: dict[str, list[Text | Record | Variant]] = {}
    while len(order) < len(groups):
        ready = [module for module in groups if module not in order and uses[module] <= set(order)]
        if not ready:
            names = ", ".join(sorted(set(groups) - set(order) - {""}))
            raise ContractError(f"components.schemas: x-ocaml: modules use each other: {names}")
        order[ready[0]] = groups[ready[0]]
    return order


def module_of(type_: Text | Record | Variant) -> str:
    return type_.ocaml.rpartition(".")[0]


def named_in(type_: Type) -> Iterator[Text | Record | Variant]:
    """The named types that a type is made of, not those that they are made of."""
    match type_:
        case Record():
            inner = [member.type for member in type_.members]
        case Variant():
            inner = [tag.payload for tag in type_.tags if tag.payload]
        case ListOf(item) | DictOf(item):
            inner = [item]
        case TupleOf(items):
            inner = list(items)
        case _:
            inner = []
    for part in inner:
        if isinstance(part, Text | Record | Variant):
            yield part
        else:
            yield from named_in(part)
