"""Read idl/xenops_cpu.openrpc.yaml into values, refusing by name whatever rpclib could not say.

The document is OpenRPC 1.2; its schemas keep to rpclib's types, which the comment at its top lists.
A mistake raises ContractError, whose text starts with the place in the document.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from typing import Any

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
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*\Z")
TAG = re.compile(r"[A-Z][A-Za-z0-9_]*\Z")
METHOD = re.compile(r"([A-Za-z][A-Za-z0-9]*\.)?[a-z][a-z0-9_]*\Z")
OCAML_TYPE = re.compile(r"([A-Z][A-Za-z0-9_]*\.)?[a-z][a-z0-9_]*\Z")
SCHEMA_REF = "#/components/schemas/"
MOST_IN_A_TUPLE = 4  # rpclib has Tuple, Tuple3 and Tuple4

# JSON Schema words that each kind of schema may carry; anything else is refused, not ignored.
NOTES = {"description", "title", "x-ocaml"}


class ContractError(ValueError):
    """The contract says something that cannot be generated; the text names the place."""


def load(document: object) -> Contract:
    """The contract in a parsed OpenRPC document. Raises ContractError naming the place."""
    return _Reader(_dict(document, "the document")).contract()


class _Reader:
    """One pass over a document; schemas are resolved once and in the document's order."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.schemas = _dict(
            _get(_get(document, "components", ""), "schemas", "components"), "components.schemas"
        )
        self.named: dict[str, Text | Record | Variant] = {}
        self.open: list[str] = []

    def contract(self) -> Contract:
        known = {"openrpc", "info", "methods", "components", "x-left-to-xenopsd"}
        _only(self.document, known, "the document")
        version = _text(self.document, "openrpc", "")
        if not re.match(r"1\.[0-9]+\.[0-9]+\Z", version):
            raise ContractError(f'openrpc: "{version}" is not a version 1.x.y of OpenRPC')
        info = _dict(_get(self.document, "info", ""), "info")
        for name in self.schemas:
            self.resolve(name, "components.schemas")
        methods = tuple(self.methods())
        errors = {self.error_of(method, where) for where, method in self.raw_methods()}
        if len(errors) != 1:
            raise ContractError(f"methods: {len(errors)} error types; rpclib's callers read one")
        error = self.resolve(errors.pop(), "components.errors")
        if not isinstance(error, Variant):
            raise ContractError(f"components.schemas.{error.name}: errors have to be a variant")
        left = self.document.get("x-left-to-xenopsd", [])
        for index, name in enumerate(left):
            if not isinstance(name, str) or any(name == method.name for method in methods):
                raise ContractError(f"x-left-to-xenopsd[{index}]: {name!r} is also a method here")
        return Contract(
            title=_text(info, "title", "info"),
            version=_text(info, "version", "info"),
            description=_text(info, "description", "info"),
            types=tuple(self.named.values()),  # each after those that it uses
            methods=methods,
            error=error,
            left_to_xenopsd=tuple(left),
            document=self.document,
        )

    def raw_methods(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for index, method in enumerate(_list(_get(self.document, "methods", ""), "methods")):
            method = _dict(method, f"methods[{index}]")
            yield f"method {method.get('name', index)}", method

    def error_of(self, method: dict[str, Any], where: str) -> str:
        errors = _list(_get(method, "errors", where), f"{where}: errors")
        if len(errors) != 1:
            raise ContractError(f"{where}: errors: one reference is expected, got {len(errors)}")
        error = self.follow(_dict(errors[0], where), where)
        if type(error.get("code")) is not int or not isinstance(error.get("message"), str):
            raise ContractError(f"{where}: errors: needs an integer code and a message")
        data = _dict(_get(error, "data", where), f"{where}: errors: data")
        return _name_of(_text(data, "$ref", f"{where}: errors: data"), where)

    def methods(self) -> Iterator[Method]:
        seen: set[str] = set()
        for where, method in self.raw_methods():
            known = {
                "name",
                "summary",
                "description",
                "paramStructure",
                "params",
                "result",
                "errors",
            }
            _only(method, known, where)
            name = _text(method, "name", where)
            if not METHOD.match(name):
                raise ContractError(f'{where}: "{name}" is not a name of the form Module.method')
            if name in seen:
                raise ContractError(f"{where}: is there twice")
            seen.add(name)
            if method.get("paramStructure") != "by-name":
                raise ContractError(f"{where}: paramStructure has to be by-name, as rpclib calls")
            params = tuple(self.params(_list(_get(method, "params", where), where), where))
            if not params or params[0].name != "debug_info":
                raise ContractError(f"{where}: the first parameter has to be debug_info")
            result = _dict(_get(method, "result", where), f"{where}: result")
            yield Method(
                name=name,
                summary=_text(method, "summary", where),
                description=_text(method, "description", where),
                params=params,
                result_name=_identifier(_text(result, "name", f"{where}: result"), where),
                result=self.type(_get(result, "schema", f"{where}: result"), f"{where}: result"),
                result_description=_text(result, "description", f"{where}: result"),
            )

    def params(self, params: list[Any], where: str) -> Iterator[Param]:
        seen: set[str] = set()
        for index, param in enumerate(params):
            here = f"{where}: params[{index}]"
            param = self.follow(_dict(param, here), here)
            _only(param, {"name", "description", "required", "schema"}, here)
            name = _identifier(_text(param, "name", here), here)
            if name in seen:
                raise ContractError(f"{here}: {name} is there twice")
            seen.add(name)
            yield Param(
                name=name,
                type=self.type(_get(param, "schema", here), f"{where}: parameter {name}"),
                description=_text(param, "description", here),
                required=_flag(param, "required", here),
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
        return _dict(target, str(reference))

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
        schema = _dict(self.schemas[name], here)
        ocaml = _text(schema, "x-ocaml", here)
        if not OCAML_TYPE.match(ocaml):
            raise ContractError(f'{here}: x-ocaml: "{ocaml}" is not of the form Module.type')
        description = _text(schema, "description", here)
        self.open.append(name)
        made: Text | Record | Variant
        if "oneOf" in schema:
            made = self.variant(name, ocaml, description, schema, here)
        elif "properties" in schema:
            made = self.record(name, ocaml, description, schema, here)
        else:
            made = self.text(name, ocaml, description, schema, here)
        self.open.pop()
        self.named[name] = made
        return made

    def text(
        self, name: str, ocaml: str, description: str, schema: dict[str, Any], where: str
    ) -> Text:
        _only(schema, NOTES | {"type", "examples"}, where)
        samples = schema.get("examples")
        if schema.get("type") != "string" or not samples or not isinstance(samples, list):
            raise ContractError(
                f"{where}: a named type is a record, a variant or a string with examples"
            )
        return Text(name, ocaml, description, tuple(map(str, samples)))

    def record(
        self, name: str, ocaml: str, description: str, schema: dict[str, Any], where: str
    ) -> Record:
        _only(schema, NOTES | {"type", "properties", "required"}, where)
        properties = _dict(schema["properties"], f"{where}.properties")
        required = _list(schema.get("required", []), f"{where}.required")
        for unknown in set(required) - set(properties):
            raise ContractError(f'{where}.required: there is no property "{unknown}"')
        members = []
        for member, inner in properties.items():
            here = f"{where}.{member}"
            inner = _dict(inner, here)
            members.append(
                Member(
                    name=_identifier(member, here),
                    type=self.type(inner, here),
                    description=_text(inner, "description", here),
                    required=member in required,
                )
            )
        if not members:
            raise ContractError(f"{where}: a record needs a member")
        return Record(name, ocaml, description, tuple(members))

    def variant(
        self, name: str, ocaml: str, description: str, schema: dict[str, Any], where: str
    ) -> Variant:
        _only(schema, NOTES | {"oneOf", "x-default"}, where)
        tags = [
            self.tag(_dict(alternative, f"{where}.oneOf[{index}]"), f"{where}.oneOf[{index}]")
            for index, alternative in enumerate(_list(schema["oneOf"], f"{where}.oneOf"))
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
            _only(alternative, NOTES | {"type", "items", "minItems", "maxItems"}, where)
            items = self.tuple_items(alternative, where)
            if len(items) != 2:
                raise ContractError(f"{where}: a tag with a payload is [tag, payload]")
            head, body = _dict(items[0], where), _dict(items[1], where)
            payload = self.type(body, where)
            parts = body["items"] if isinstance(payload, TupleOf) else [body]
            names = tuple(_identifier(_text(part, "title", where), where) for part in parts)
        _only(head, NOTES | {"const", "x-python"}, where)
        name = _text(head, "const", where)
        if not TAG.match(name):
            raise ContractError(f'{where}: "{name}" is not a tag: a capital letter comes first')
        python = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
        return Tag(
            name=name,
            payload=payload,
            names=names,
            description=_text(alternative, "description", where),
            python=head.get("x-python", python),
        )

    def tuple_items(self, schema: dict[str, Any], where: str) -> list[Any]:
        items = _list(schema.get("items"), f"{where}.items")
        if not schema.get("minItems") == schema.get("maxItems") == len(items):
            raise ContractError(f"{where}: a tuple says minItems and maxItems {len(items)}")
        if not 2 <= len(items) <= MOST_IN_A_TUPLE:
            raise ContractError(f"{where}: rpclib has tuples of 2 to {MOST_IN_A_TUPLE}")
        return items

    def type(self, schema: object, where: str) -> Type:
        schema = _dict(schema, where)
        if "$ref" in schema:
            _only(schema, NOTES | {"$ref"}, where)
            return self.resolve(_name_of(_text(schema, "$ref", where), where), where)
        kind = schema.get("type")
        if kind == "array" and isinstance(schema.get("items"), list):
            _only(schema, NOTES | {"type", "items", "minItems", "maxItems"}, where)
            items = self.tuple_items(schema, where)
            return TupleOf(tuple(self.type(item, f"{where}[{i}]") for i, item in enumerate(items)))
        if kind == "array":
            _only(schema, NOTES | {"type", "items"}, where)
            return ListOf(self.type(_get(schema, "items", where), f"{where}[]"))
        if kind == "object" and "additionalProperties" in schema:
            _only(schema, NOTES | {"type", "additionalProperties"}, where)
            return DictOf(self.type(schema["additionalProperties"], f"{where}{{}}"))
        _only(schema, NOTES | {"type", "format"}, where)
        basic = BASIC.get((str(kind), schema.get("format")))
        if basic is None:
            raise ContractError(
                f"{where}: type {kind!r} with format {schema.get('format')!r} is none of rpclib's"
            )
        return Basic(basic)


def _name_of(reference: str, where: str) -> str:
    if not reference.startswith(SCHEMA_REF):
        raise ContractError(f'{where}: "{reference}" is not a reference to {SCHEMA_REF}')
    return reference.removeprefix(SCHEMA_REF)


def _get(value: Any, key: str, where: str) -> Any:
    if not isinstance(value, dict) or key not in value:
        raise ContractError(f"{where or 'the document'}: {key} is missing")
    return value[key]


def _text(value: Any, key: str, where: str) -> str:
    text = _get(value, key, where)
    if not isinstance(text, str) or not text.strip():
        raise ContractError(f"{where}: {key} has to be text, got {text!r}")
    return " ".join(text.split())


def _flag(value: Any, key: str, where: str) -> bool:
    flag = _get(value, key, where)
    if not isinstance(flag, bool):
        raise ContractError(f"{where}: {key} has to be true or false, got {flag!r}")
    return flag


def _dict(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ContractError(f"{where}: an object is expected, got {value!r:.60}")
    return value


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise ContractError(f"{where}: a list is expected, got {value!r:.60}")
    return value


def _only(value: dict[str, Any], known: set[str], where: str) -> None:
    for key in value:
        if key not in known:
            raise ContractError(f'{where}: "{key}" is not one of {", ".join(sorted(known))}')


def _identifier(name: str, where: str) -> str:
    if not IDENTIFIER.match(name) or keyword.iskeyword(name):
        raise ContractError(f'{where}: "{name}" cannot be a name in Python and OCaml')
    return name
