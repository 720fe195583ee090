"""Read idl/xenops_cpu.openrpc.yaml into values, refusing by name whatever rpclib could not say.

The document is OpenRPC 1.2; its schemas keep to rpclib's types, which the comment at its top lists.
A mistake raises ContractError, whose text starts with the place in the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .document import (
    OCAML_WORDS,
    ContractError,
    entry,
    flag,
    help_text,
    identifier,
    mapping,
    only,
    schema_name,
    sequence,
    text,
)
from .model import (
    Basic,
    Contract,
    DictOf,
    ListOf,
    Member,
    Method,
    Param,
    Record,
    Tag,
    Text,
    TupleOf,
    Type,
    Variant,
)

BASIC = {
    ("string", None): "string",
    ("integer", None): "int",
    ("integer", "int64"): "int64",
    ("boolean", None): "bool",
    ("number", None): "float",
    ("null", None): "unit",
}
INTERFACE = re.compile(r"[A-Z][A-Za-z0-9_]*\Z")
VERSION = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}\Z")
TAG = re.compile(r"[A-Z][A-Za-z0-9_]*\Z")
METHOD = re.compile(r"([A-Z][A-Za-z0-9]*\.)?[a-z][a-z0-9_]*\Z")
OCAML_TYPE = re.compile(r"([A-Z][A-Za-z0-9_]*\.)?[a-z][a-z0-9_]*\Z")
MOST_IN_A_TUPLE = 4  # rpclib has Tuple, Tuple3 and Tuple4

# Where OCaml has another meaning for the name of a type.
OCAML_TYPES = {"string", "int", "int64", "bool", "float", "unit", "list", "option"}
METHOD_KEYS = {"name", "summary", "description", "paramStructure", "params", "result", "errors"}
# JSON Schema words that each kind of schema may carry; anything else is refused, not ignored.
NOTES = {"description", "title", "x-ocaml"}


def load(document: object) -> Contract:
    """The contract in a parsed OpenRPC document. Raises ContractError naming the place."""
    return _Reader(mapping(document, "the document")).contract()


class _Reader:
    """One pass over a document; schemas are resolved once and in the document's order."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.schemas = mapping(
            entry(entry(document, "components", ""), "schemas", "components"), "components.schemas"
        )
        self.named: dict[str, Text | Record | Variant] = {}
        self.open: list[str] = []

    def contract(self) -> Contract:
        known = {"openrpc", "info", "methods", "components", "x-left-to-xenopsd"}
        only(self.document, known, "the document")
        version = text(self.document, "openrpc", "")
        if not re.match(r"1\.[0-9]+\.[0-9]+\Z", version):
            raise ContractError(f'openrpc: "{version}" is not a version 1.x.y of OpenRPC')
        info = mapping(entry(self.document, "info", ""), "info")
        title = text(info, "title", "info")
        if not INTERFACE.match(title):
            raise ContractError(f'info: title: "{title}" is not capitalised, as rpclib asks for')
        number = text(info, "version", "info")
        if not VERSION.match(number):
            raise ContractError(f'info: version: "{number}" is not three numbers, such as 1.2.3')
        for name in self.schemas:
            self.resolve(name, "components.schemas")
        methods = tuple(self.methods())
        errors = {self.error_of(method, where) for where, method in self.raw_methods()}
        if len(errors) != 1:
            raise ContractError(f"methods: {len(errors)} error types; rpclib's callers read one")
        error = self.resolve(errors.pop(), "components.errors")
        if not isinstance(error, Variant):
            raise ContractError(f"components.schemas.{error.name}: errors have to be a variant")
        self.enumerations(error)
        left = self.document.get("x-left-to-xenopsd", [])
        for index, name in enumerate(left):
            if not isinstance(name, str) or any(name == method.name for method in methods):
                raise ContractError(f"x-left-to-xenopsd[{index}]: {name!r} is also a method here")
        return Contract(
            title=title,
            version=number,
            description=text(info, "description", "info"),
            types=tuple(self.named.values()),  # each after those that it uses
            methods=methods,
            error=error,
            left_to_xenopsd=tuple(left),
            document=self.document,
        )

    def enumerations(self, error: Variant) -> None:
        """Errors may carry values, which are classes in Python; other variants are its enums."""
        for variant in self.named.values():
            if isinstance(variant, Variant) and variant is not error:
                for tag in variant.tags:
                    if tag.payload is not None:
                        where = f"components.schemas.{variant.name}"
                        raise ContractError(f"{where}: only an error may carry values: {tag.name}")

    def raw_methods(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for index, method in enumerate(sequence(entry(self.document, "methods", ""), "methods")):
            method = mapping(method, f"methods[{index}]")
            yield f"method {method.get('name', index)}", method

    def error_of(self, method: dict[str, Any], where: str) -> str:
        errors = sequence(entry(method, "errors", where), f"{where}: errors")
        if len(errors) != 1:
            raise ContractError(f"{where}: errors: one reference is expected, got {len(errors)}")
        error = self.follow(mapping(errors[0], where), where)
        if type(error.get("code")) is not int or not isinstance(error.get("message"), str):
            raise ContractError(f"{where}: errors: needs an integer code and a message")
        data = mapping(entry(error, "data", where), f"{where}: errors: data")
        return schema_name(text(data, "$ref", f"{where}: errors: data"), where)

    def methods(self) -> Iterator[Method]:
        seen: set[str] = set()
        for where, method in self.raw_methods():
            only(method, METHOD_KEYS, where)
            name = text(method, "name", where)
            if not METHOD.match(name):
                raise ContractError(f'{where}: "{name}" is not a name of the form Module.method')
            python = identifier(Method.python_name(name), where)
            if python in seen:
                raise ContractError(f"{where}: is there twice")
            seen.add(python)
            if method.get("paramStructure") != "by-name":
                raise ContractError(f"{where}: paramStructure has to be by-name, as rpclib calls")
            params = tuple(self.params(sequence(entry(method, "params", where), where), where))
            if not params or params[0].name != "debug_info":
                raise ContractError(f"{where}: the first parameter has to be debug_info")
            result = mapping(entry(method, "result", where), f"{where}: result")
            result_name = identifier(text(result, "name", f"{where}: result"), where)
            if result_name in [param.name for param in params]:
                raise ContractError(f"{where}: result: {result_name} is a parameter as well")
            yield Method(
                name=name,
                summary=help_text(method, "summary", where),
                description=help_text(method, "description", where),
                params=params,
                result_name=result_name,
                result=self.type(entry(result, "schema", f"{where}: result"), f"{where}: result"),
                result_description=help_text(result, "description", f"{where}: result"),
            )

    def params(self, params: list[Any], where: str) -> Iterator[Param]:
        seen: set[str] = set()
        for index, param in enumerate(params):
            here = f"{where}: params[{index}]"
            param = self.follow(mapping(param, here), here)
            only(param, {"name", "description", "required", "schema"}, here)
            name = identifier(text(param, "name", here), here)
            if name in seen:
                raise ContractError(f"{here}: {name} is there twice")
            seen.add(name)
            yield Param(
                name=name,
                type=self.type(entry(param, "schema", here), f"{where}: parameter {name}"),
                description=help_text(param, "description", f"{where}: parameter {name}"),
                required=flag(param, "required", here),
            )

    def follow(self, value: dict[str, Any], where: str) -> dict[str, Any]:
        """The object behind {"$ref": "#/components/..."}, or the object itself."""
        if "$ref" not in value:
            return value
        reference = value["$ref"]
        target: Any = self.document
        for step in str(reference).removeprefix("#/").split("/"):
            if not isinstance(target, dict) or step not in target:
                raise ContractError(f'{where}: there is nothing at "{reference}"')
            target = target[step]
        return mapping(target, str(reference))

    def resolve(self, name: str, where: str) -> Text | Record | Variant:
        if name in self.named:
            return self.named[name]
        if name not in self.schemas:
            raise ContractError(f'{where}: there is no schema "{name}" in components.schemas')
        if name in self.open:
            raise ContractError(f"components.schemas.{name}: refers to itself")
        here = f"components.schemas.{name}"
        if not re.match(r"[A-Z][A-Za-z0-9]*\Z", name):
            raise ContractError(f"{here}: a schema's name starts with a capital letter")
        schema = mapping(self.schemas[name], here)
        ocaml = text(schema, "x-ocaml", here)
        if not OCAML_TYPE.match(ocaml) or ocaml.rpartition(".")[2] in OCAML_WORDS | OCAML_TYPES:
            raise ContractError(f'{here}: x-ocaml: "{ocaml}" is not of the form Module.type')
        for other in self.named.values():
            if other.ocaml == ocaml:
                raise ContractError(f'{here}: x-ocaml: "{ocaml}" is {other.name} already')
        description = text(schema, "description", here)
        kind = self.text
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
