"""The schemas of a contract as rpclib's types, refusing by name whatever rpclib could not say."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .document import (
    OCAML_WORD,
    ContractError,
    entry,
    identifier,
    mapping,
    only,
    schema_name,
    sequence,
    text,
)
from .model import Basic, DictOf, ListOf, Member, Record, Tag, Text, TupleOf, Type, Variant

BASIC = {
    ("string", None): "string",
    ("integer", None): "int",
    ("integer", "int64"): "int64",
    ("boolean", None): "bool",
    ("number", None): "float",
    ("null", None): "unit",
}
TAG = re.compile(r"[A-Z][A-Za-z0-9_]*\Z")
OCAML_TYPE = re.compile(r"([A-Z][A-Za-z0-9_]*\.)?[a-z][a-z0-9_]*\Z")
# Where OCaml has another meaning for the name of a type.
OCAML_TYPES = {"string", "int", "int64", "bool", "float", "unit", "list", "option"}
MOST_IN_A_TUPLE = 4  # rpclib has Tuple, Tuple3 and Tuple4
# JSON Schema words that each kind of schema may carry; anything else is refused, not ignored.
NOTES = {"description", "title", "x-ocaml"}


class Schemas:
    """The types of components.schemas, each resolved once. Raises ContractError with the place."""

    def __init__(self, document: dict[str, Any]) -> None:
        components = entry(document, "components", "")
        self.raw = mapping(entry(components, "schemas", "components"), "components.schemas")
        # Each after those that it uses, and in the document's order as far as that goes.
        self.named: dict[str, Text | Record | Variant] = {}
        self.open: list[str] = []
        for name in self.raw:
            self.resolve(name, "components.schemas")

    def resolve(self, name: str, where: str) -> Text | Record | Variant:
        if name in self.named:
            return self.named[name]
        if name not in self.raw:
            raise ContractError(f'{where}: there is no schema "{name}" in components.schemas')
        if name in self.open:
            raise ContractError(f"components.schemas.{name}: refers to itself")
        here = f"components.schemas.{name}"
        if not re.match(r"[A-Z][A-Za-z0-9]*\Z", name):
            raise ContractError(f"{here}: a schema's name starts with a capital letter")
        schema = mapping(self.raw[name], here)
        ocaml = text(schema, "x-ocaml", here)
        last = ocaml.rpartition(".")[2]
        if not OCAML_TYPE.match(ocaml) or OCAML_WORD.match(last) or last in OCAML_TYPES:
            raise ContractError(f'{here}: x-ocaml: "{ocaml}" is not of the form Module.type')
        for other in self.named.values():
            if other.ocaml == ocaml:
                raise ContractError(f'{here}: x-ocaml: "{ocaml}" is {other.name} already')
        description = text(schema, "description", here)
        kind: Callable[..., Text | Record | Variant] = self.text
        if "oneOf" in schema:
            kind = self.variant
        elif "properties" in schema:
            kind = self.record
        self.open.append(name)
        self.named[name] = kind(name, ocaml, description, schema, here)
        self.open.pop()
        return self.named[name]

    def text(
        self, name: str, ocaml: str, description: str, schema: dict[str, Any], where: str
    ) -> Text:
        only(schema, NOTES | {"type", "examples"}, where)
        samples = schema.get("examples")
        if schema.get("type") != "string" or not samples or not isinstance(samples, list):
            raise ContractError(
                f"{where}: a named type is a record, a variant or a string with examples"
            )
        return Text(name, ocaml, description, tuple(map(str, samples)))

    def record(
        self, name: str, ocaml: str, description: str, schema: dict[str, Any], where: str
    ) -> Record:
        only(schema, NOTES | {"type", "properties", "required"}, where)
        properties = mapping(schema["properties"], f"{where}.properties")
        required = sequence(schema.get("required", []), f"{where}.required")
        for unknown in set(required) - set(properties):
            raise ContractError(f'{where}.required: there is no property "{unknown}"')
        members = []
        for member, inner in properties.items():
            here = f"{where}.{member}"
            inner = mapping(inner, here)
            members.append(
                Member(
                    name=identifier(member, here),
                    type=self.type(inner, here),
                    description=text(inner, "description", here),
                    required=member in required,
                )
            )
        if not members:
            raise ContractError(f"{where}: a record needs a member")
        return Record(name, ocaml, description, tuple(members))

    def variant(
        self, name: str, ocaml: str, description: str, schema: dict[str, Any], where: str
    ) -> Variant:
        only(schema, NOTES | {"oneOf", "x-default"}, where)
        tags = [
            self.tag(mapping(alternative, f"{where}.oneOf[{index}]"), f"{where}.oneOf[{index}]")
            for index, alternative in enumerate(sequence(schema["oneOf"], f"{where}.oneOf"))
        ]
        lowered = [tag.name.lower() for tag in tags]
        for tag in tags:
            if lowered.count(tag.name.lower()) > 1:
                raise ContractError(
                    f"{where}: the tag {tag.name} is there twice (case does not count)"
                )
        default = schema.get("x-default")
        if default is not None and default not in [tag.name for tag in tags if not tag.payload]:
            raise ContractError(f"{where}: x-default: {default!r} is not a tag without payload")
        return Variant(name, ocaml, description, tuple(tags), default)

    def tag(self, alternative: dict[str, Any], where: str) -> Tag:
        payload: Type | None = None
        names: tuple[str, ...] = ()
        head = alternative
        if "const" not in alternative:
            only(alternative, NOTES | {"type", "items", "minItems", "maxItems"}, where)
            items = self.tuple_items(alternative, where)
            if len(items) != 2:
                raise ContractError(f"{where}: a tag with a payload is [tag, payload]")
            head, body = mapping(items[0], where), mapping(items[1], where)
            payload = self.type(body, where)
            parts = body["items"] if isinstance(payload, TupleOf) else [body]
            names = tuple(identifier(text(part, "title", where), where) for part in parts)
        only(head, NOTES | {"const", "x-python"}, where)
        name = text(head, "const", where)
        if not TAG.match(name):
            raise ContractError(f'{where}: "{name}" is not a tag: a capital letter comes first')
        python = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
        return Tag(
            name=name,
            payload=payload,
            names=names,
            description=text(alternative, "description", where),
            python=head.get("x-python", python),
        )

    def tuple_items(self, schema: dict[str, Any], where: str) -> list[Any]:
        items = sequence(schema.get("items"), f"{where}.items")
        if not schema.get("minItems") == schema.get("maxItems") == len(items):
            raise ContractError(f"{where}: a tuple says minItems and maxItems {len(items)}")
        if not 2 <= len(items) <= MOST_IN_A_TUPLE:
            raise ContractError(f"{where}: rpclib has tuples of 2 to {MOST_IN_A_TUPLE}")
        return items

    def type(self, schema: object, where: str) -> Type:
        schema = mapping(schema, where)
        if "$ref" in schema:
            only(schema, NOTES | {"$ref"}, where)
            return self.resolve(schema_name(text(schema, "$ref", where), where), where)
        kind = schema.get("type")
        if kind == "array" and isinstance(schema.get("items"), list):
            only(schema, NOTES | {"type", "items", "minItems", "maxItems"}, where)
            items = self.tuple_items(schema, where)
            return TupleOf(tuple(self.type(item, f"{where}[{i}]") for i, item in enumerate(items)))
        if kind == "array":
            only(schema, NOTES | {"type", "items"}, where)
            item = self.type(entry(schema, "items", where), f"{where}[]")
            if isinstance(item, TupleOf) and item.items[0] == Basic("string"):
                raise ContractError(
                    f"{where}: rpclib takes a list of pairs with a string first for a dict: "
                    "say type object with additionalProperties"
                )
            return ListOf(item)
        if kind == "object" and "additionalProperties" in schema:
            only(schema, NOTES | {"type", "additionalProperties"}, where)
            return DictOf(self.type(schema["additionalProperties"], f"{where}{{}}"))
        only(schema, NOTES | {"type", "format"}, where)
        basic = BASIC.get((str(kind), schema.get("format")))
        if basic is None:
            raise ContractError(
                f"{where}: type {kind!r} with format {schema.get('format')!r} is none of rpclib's"
            )
        return Basic(basic)
