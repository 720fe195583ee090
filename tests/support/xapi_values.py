"""XenAPI's values as xapi writes them: byte for byte as the genuine ocaml-rpc did.

tests/golden/xapi/transcript.txt has what that wrote; a test holds this module to it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape


class Date(str):
    """A date, which XML-RPC has an element for."""

    __slots__ = ()


def xml(value: Any) -> str:
    """The inside of <value>: an int and a string stand there bare."""
    match value:
        case bool():
            return f"<boolean>{int(value)}</boolean>"
        case float():
            return f"<double>{value:g}</double>"
        case Date():
            return f"<dateTime.iso8601>{value}</dateTime.iso8601>"
        case dict():
            members = "".join(
                f"<member><name>{escape(name)}</name><value>{xml(item)}</value></member>"
                for name, item in value.items()
            )
            return f"<struct>{members}</struct>"
        case list():
            items = "".join(f"<value>{xml(item)}</value>" for item in value)
            return f"<array><data>{items}</data></array>"
    return escape(str(value), {'"': "&quot;"})


def xml_success(value: Any) -> bytes:
    return _xml({"Status": "Success", "Value": value})


def xml_failure(description: Sequence[str]) -> bytes:
    return _xml({"Status": "Failure", "ErrorDescription": list(description)})


def json_success(value: Any, version: str) -> bytes:
    if version == "1.0":
        return _json({"result": value, "error": None, "id": 0})
    return _json({"jsonrpc": "2.0", "result": value, "id": 0})


def json_failure(description: Sequence[str], version: str) -> bytes:
    code, *parameters = description
    if version == "1.0":
        return _json({"result": None, "error": [code, *parameters], "id": 0})
    error = {"code": 1, "message": code, "data": parameters}
    return _json({"jsonrpc": "2.0", "error": error, "id": 0})


def _xml(value: Any) -> bytes:
    head = '<?xml version="1.0"?><methodResponse><params><param><value>'
    return f"{head}{xml(value)}</value></param></params></methodResponse>".encode()


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
