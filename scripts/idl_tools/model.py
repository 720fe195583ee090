"""The contract as a value: rpclib's types, methods, and the error variant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen


@frozen
class Basic:
    """string, int, int64, bool, float or unit."""

    kind: str


@frozen
class Text:
    """A named string with its own sample values (an abstract type in OCaml)."""

    name: str
    ocaml: str
    description: str
    samples: tuple[str, ...]


@frozen
class ListOf:
    item: Type


@frozen
class DictOf:
    item: Type


@frozen
class TupleOf:
    items: tuple[Type, ...]


@frozen
class Member:
    """A member of a record; one that is not required is an option."""

    name: str
    type: Type
    description: str
    required: bool


@frozen
class Record:
    name: str
    ocaml: str
    description: str
    members: tuple[Member, ...]


@frozen
class Tag:
    """A tag of a variant. `names` are those of its payload's parts, for classes and people."""

    name: str
    payload: Type | None
    names: tuple[str, ...]
    description: str
    python: str

    @property
    def parts(self) -> tuple[Type, ...]:
        if self.payload is None:
            return ()
        return self.payload.items if isinstance(self.payload, TupleOf) else (self.payload,)


@frozen
class Variant:
    name: str
    ocaml: str
    description: str
    tags: tuple[Tag, ...]
    default: str | None


Type = Basic | Text | ListOf | DictOf | TupleOf | Record | Variant


@frozen
class Param:
    name: str
    type: Type
    description: str
    required: bool


@frozen
class Method:
    name: str
    summary: str
    description: str
    params: tuple[Param, ...]
    result_name: str
    result: Type
    result_description: str

    @property
    def python(self) -> str:
        return self.python_name(self.name)

    @property
    def module(self) -> str:
        """What comes before the point: HOST of HOST.stat; empty for query."""
        return self.name.rpartition(".")[0]

    @staticmethod
    def python_name(name: str) -> str:
        return name.replace(".", "_").lower()


@frozen
class Contract:
    title: str
    version: str
    description: str
    types: tuple[Text | Record | Variant, ...]
    methods: tuple[Method, ...]
    error: Variant
    left_to_xenopsd: tuple[str, ...]
    document: Mapping[str, Any] = field(repr=False)
