"""Read idl/xenops_cpu.openrpc.yaml into values, refusing by name whatever rpclib could not say.

The document is OpenRPC 1.2; its schemas keep to rpclib's types, which the comment at its top lists.
A mistake raises ContractError, whose text starts with the place in the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .document import (
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
from .model import Contract, Method, Param, Variant
from .schemas import Schemas

__all__ = ["ContractError", "load"]

INTERFACE = re.compile(r"[A-Z][A-Za-z0-9_]*\Z")
VERSION = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}\Z")
METHOD = re.compile(r"([A-Z][A-Za-z0-9]*\.)?[a-z][a-z0-9_]*\Z")
METHOD_KEYS = {"name", "summary", "description", "paramStructure", "params", "result", "errors"}


def load(document: object) -> Contract:
    """The contract in a parsed OpenRPC document. Raises ContractError naming the place."""
    return _Reader(mapping(document, "the document")).contract()


class _Reader:
    """One pass over a document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.schemas = Schemas(document)

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
        methods = tuple(self.methods())
        errors = {self.error_of(method, where) for where, method in self.raw_methods()}
        if len(errors) != 1:
            raise ContractError(f"methods: {len(errors)} error types; rpclib's callers read one")
        error = self.schemas.resolve(errors.pop(), "components.errors")
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
            types=tuple(self.schemas.named.values()),
            methods=methods,
            error=error,
            left_to_xenopsd=tuple(left),
            document=self.document,
        )

    def enumerations(self, error: Variant) -> None:
        """Errors may carry values, which are classes in Python; other variants are its enums."""
        for variant in self.schemas.named.values():
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
        names: set[str] = set()
        for where, method in self.raw_methods():
            only(method, METHOD_KEYS, where)
            name = text(method, "name", where)
            if not METHOD.match(name):
                raise ContractError(f'{where}: "{name}" is not a name of the form Module.method')
            python = identifier(Method.python_name(name), where)
            if python in names:
                raise ContractError(f"{where}: is there twice")
            names.add(python)
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
                result=self.schemas.type(
                    entry(result, "schema", f"{where}: result"), f"{where}: result"
                ),
                result_description=help_text(result, "description", f"{where}: result"),
            )

    def params(self, params: list[Any], where: str) -> Iterator[Param]:
        names: set[str] = set()
        for index, param in enumerate(params):
            here = f"{where}: params[{index}]"
            param = self.follow(mapping(param, here), here)
            only(param, {"name", "description", "required", "schema"}, here)
            name = identifier(text(param, "name", here), here)
            if name in names:
                raise ContractError(f"{here}: {name} is there twice")
            names.add(name)
            yield Param(
                name=name,
                type=self.schemas.type(entry(param, "schema", here), f"{where}: parameter {name}"),
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
