"""Answers read in pieces: whatever the pieces, the same values as read at once."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import xapi_values as values
from xenops_cpu.xapi import jsonrpc, xmlrpc
from xenops_cpu.xapi.errors import AnswerError, NotSpoken, Unreachable, XapiError
from xenops_cpu.xapi.value import Value, outcome

# What XML can carry; xapi drops control characters.
texts = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff")
)
xenapi = st.recursive(
    st.booleans() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
records = st.dictionaries(texts.map(lambda text: f"OpaqueRef:{text}"), xenapi, max_size=4)
sizes = st.integers(1, 40)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@given(records, sizes, st.sampled_from(["1.0", "2.0", "status"]))
def test_json_records_one_by_one(expected: dict[str, Any], size: int, form: str) -> None:
    """The members of the result, in any form, cut anywhere (within a letter of UTF-8 as well)."""
    if form == "status":
        body = json.dumps({"result": {"Status": "Success", "Value": expected}}).encode()
    else:
        body = values.json_success(expected, form)
    found: dict[str, Any] = {}
    answer = jsonrpc.answer(pieces(body, size), "xs1", found.__setitem__)
    assert found == expected
    assert outcome(answer, "xs1") == {}
    assert outcome(jsonrpc.answer(pieces(body, size), "xs1"), "xs1") == expected


@given(records, sizes)
def test_xml_records_one_by_one(expected: dict[str, Any], size: int) -> None:
    """The members of Value."""
    body = values.xml_success(expected)
    found: dict[str, Any] = {}
    answer = xmlrpc.answer(pieces(body, size), "xs1", found.__setitem__)
    assert found == expected
    assert outcome(answer, "xs1") == {}
    assert outcome(xmlrpc.answer(pieces(body, size), "xs1"), "xs1") == expected


@given(st.lists(xenapi, max_size=4), sizes)
def test_the_items_of_a_member(events: list[Any], size: int) -> None:
    """As event.from has them: a set within a record, with more beside it."""
    value = {"token": "t", "events": events, "valid_ref_counts": {"vm": 3}}
    for read, body in (
        (jsonrpc.answer, values.json_success(value, "2.0")),
        (xmlrpc.answer, values.xml_success(value)),
    ):
        found: list[Any] = []

        def each(_name: str, item: Value, to: list[Any] = found) -> None:
            to.append(item)

        answer = read(pieces(body, size), "xs1", each, "events")
        assert found == events
        beside = outcome(answer, "xs1")
        assert isinstance(beside, dict)
        assert beside["token"] == "t"


@given(records, st.integers(1, 400))
def test_what_is_cut_off_is_never_taken_for_whole(expected: dict[str, Any], left_off: int) -> None:
    """In either protocol, wherever the end is missing."""
    for read, body in (
        (jsonrpc.answer, values.json_success(expected, "2.0")),
        (xmlrpc.answer, values.xml_success(expected)),
    ):
        with pytest.raises((Unreachable, NotSpoken)):
            read([body[: max(len(body) - left_off, 0)]], "xs1", lambda _name, _value: None)


@given(st.binary(max_size=200))
def test_noise_is_refused_in_words(data: bytes) -> None:
    """No other error than the package's own."""
    for read in (jsonrpc.answer, xmlrpc.answer):
        for body in (data, b'{"result":' + data, b"<methodResponse>" + data):
            with contextlib.suppress(XapiError):
                outcome(read([body], "xs1"), "xs1")


def test_values_of_xml() -> None:
    """An int that is bare is a string, as XenAPI writes it; the other elements have their types."""
    value = b"".join(
        b"<member><name>%s</name><value>%s</value></member>" % pair
        for pair in (
            (b"bare", b"2"),
            (b"string", b"<string> a </string>"),
            (b"int", b"<int>2</int>"),
            (b"i8", b"<i8>-3</i8>"),
            (b"double", b"<double>1.5</double>"),
            (b"yes", b"<boolean>1</boolean>"),
            (b"no", b"<boolean>0</boolean>"),
            (b"date", b"<dateTime.iso8601>20260801T10:00:00Z</dateTime.iso8601>"),
            (b"nil", b"<nil/>"),
            (b"empty", b""),
            (b"set", b"\n <array><data>\n <value>a</value><value/></data></array> "),
        )
    )
    body = (
        b"<methodResponse><params><param><value><struct><member><name>Status</name>"
        b"<value>Success</value></member><member><name>Value</name><value><struct>"
        + value
        + b"</struct></value></member></struct></value></param></params></methodResponse>"
    )
    assert outcome(xmlrpc.answer([body], "xs1"), "xs1") == {
        "bare": "2",
        "string": " a ",
        "int": 2,
        "i8": -3,
        "double": 1.5,
        "yes": True,
        "no": False,
        "date": "20260801T10:00:00Z",
        "nil": None,
        "empty": "",
        "set": ["a", ""],
    }


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]><methodResponse/>', "not XML-RPC"),
        (b"<methodResponse>&a;</methodResponse>", "damaged XML: undefined entity"),
        (b"<methodResponse></params></methodResponse>", "damaged XML: mismatched tag"),
        (b"<methodResponse><params/></methodResponse>", "XML, but no answer of xapi"),
        (b"<methodResponse><fault/></methodResponse>", "an XML-RPC fault"),
        (b"<methodResponse>" + b"<value><array><data>" * 100, "more than 64 values in one another"),
        (
            b"<methodResponse><value><int>x</int></value></methodResponse>",
            "<int> that is no number",
        ),
        (b"<methodCall></methodCall>", "not XML-RPC"),
    ],
)
def test_xml_that_is_refused(body: bytes, words: str) -> None:
    """Entities, nesting, faults, other documents."""
    with pytest.raises(AnswerError, match=words):
        xmlrpc.answer([body], "xs1")


def test_calls_as_they_are_sent() -> None:
    """An int is a string in XML-RPC; a float and a set keep their types."""
    body = xmlrpc.call("event.from", ["r", ["VM", "host"], "", 30.0, 5, "ü<"])
    for part in ("<double>30.0</double>", "<string>5</string>", "<string>ü&lt;</string>"):
        assert part in body.decode()
    call = json.loads(jsonrpc.call("event.from", ["r", ["VM"], "", 30.0, 5]))
    assert call["params"] == ["r", ["VM"], "", 30.0, 5]
    assert call["jsonrpc"] == "2.0"
