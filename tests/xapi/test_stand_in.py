"""The stand-in writes the bytes that the genuine ocaml-rpc wrote."""

import json
from typing import Any

import pytest

from tests import GOLDEN
from tests.support import xapi_values as values
from tests.support.xapi_values import Date

LINES = (GOLDEN / "xapi" / "transcript.txt").read_text().splitlines()
REFERENCE = "OpaqueRef:2f1c4a5e-9d0b-4c0e-8d7e-1a2b3c4d5e6f"
DATES = ("last_update_sync", "snapshot_time")


def section(title: str) -> tuple[str, str, str]:
    """XML, JSON 1.0, JSON 2.0."""
    at = LINES.index(f"## {title}")
    xml, one, two = LINES[at + 1 : at + 4]
    return xml, one.removeprefix("json1 "), two.removeprefix("json2 ")


def dated(value: Any) -> Any:
    """The value of a JSON line, with dates as XML-RPC has them."""
    if isinstance(value, dict):
        return {key: Date(item) if key in DATES else dated(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("title", ["login", "pool.get_all_records", "VM", "logout"])
def test_successes_are_those_of_the_transcript(title: str) -> None:
    """Each in XML-RPC and in both JSON-RPCs."""
    xml, one, two = section(title)
    value = dated(json.loads(two)["result"])
    assert values.xml_success(value).decode() == xml
    assert values.json_success(value, "1.0").decode() == one
    assert values.json_success(value, "2.0").decode() == two


@pytest.mark.parametrize(
    "title", ["HOST_IS_SLAVE", "SESSION_AUTHENTICATION_FAILED", "SESSION_INVALID"]
)
def test_failures_are_those_of_the_transcript(title: str) -> None:
    """Each in XML-RPC and in both JSON-RPCs."""
    xml, one, two = section(title)
    description = json.loads(one)["error"]
    assert values.xml_failure(description).decode() == xml
    assert values.json_failure(description, "1.0").decode() == one
    assert values.json_failure(description, "2.0").decode() == two
