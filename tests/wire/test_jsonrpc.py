"""xenops_cpu.wire.jsonrpc: reads what rpclib reads, writes what rpclib writes, refuses the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenops_cpu.wire import Envelope, Limits, WireError
from xenops_cpu.wire.jsonrpc import (
    dump_call,
    dump_failure,
    dump_success,
    dump_value,
    parse_call,
    parse_response,
)

texts = st.text(st.characters(blacklist_categories=["Cs"]))
trees = st.recursive(
    st.none()
    | st.booleans()
    | texts
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def params_of(value: str) -> Any:
    return parse_call(f'{{"method":"m","params":[{value}],"id":1}}'.encode()).params[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-9223372036854775808", -(2**63)),
        ("5.0", 5.0),
        ("1e3", 1000.0),
        ('"\\u00e9\\ud83d\\ude00"', "é😀"),
        ('"é"', "é"),
        ("null", None),
        ("true", True),
        (' { "a" : 1 ,\n"b":[ ] } ', {"a": 1, "b": []}),
        ('{"a":1,"a":2,"b":3}', {"a": 1, "b": 3}),
    ],
)
def test_values_are_read(text: str, value: Any) -> None:
    """Each form reads as its value and type; of a name that is there twice the first counts."""
    got = params_of(text)
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("NaN", "NaN is not JSON"),
        ("-Infinity", "-Infinity is not JSON"),
        ("9223372036854775808", "9223372036854775808 does not fit 64 bits"),
        ("-9223372036854775809", "-9223372036854775809 does not fit 64 bits"),
        ("1" * 10_000, "1111"),
        ('"\\ud800"', "a string has half of a surrogate pair"),
        ('{"\\udc00":1}', "a string has half of a surrogate pair"),
        ("[1,]", "not JSON: "),
        ("'a'", "not JSON: "),
        ("01", "not JSON: "),
        ('"a\nb"', "not JSON: "),
        ("{1:2}", "not JSON: "),
    ],
)
def test_what_is_not_json_is_refused(text: str, problem: str) -> None:
    """Constants, ints and text that JSON or 64 bits do not have are errors that show them."""
    with pytest.raises(WireError) as raised:
        params_of(text)
    assert str(raised.value).startswith(problem)


def test_bytes_have_to_be_utf8() -> None:
    """Bytes that are not UTF-8 are refused with their place."""
    with pytest.raises(WireError, match="not UTF-8: invalid start byte at byte 12"):
        parse_call(b'{"method": "\xff"}')


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":['])
def test_the_depth_has_a_limit(opening: str) -> None:
    """Nesting is measured before the decoder recurses; brackets in text do not count."""
    with pytest.raises(WireError, match="more than 64 lists or objects in one another"):
        parse_call(opening.encode() * 70_000)
    assert params_of(json.dumps("[{" * 1000 + '\\"')) == "[{" * 1000 + '\\"'
    deep = "[" * 62 + "]" * 62
    assert params_of(deep)
    with pytest.raises(WireError, match="more than 64 lists"):
        params_of(f"[{deep}]")
    assert params_of("[" + ",".join(["[]"] * 1000) + "]") == [[]] * 1000


def test_the_count_has_a_limit() -> None:
    """Members and elements are counted; commas in text are not."""
    with pytest.raises(WireError, match="more than 50000 elements"):
        params_of("[" + "1," * 50_000 + "1]")
    assert params_of(json.dumps("," * 60_000)) == "," * 60_000


def test_the_size_has_a_limit() -> None:
    """A body over the limit is not even looked at."""
    with pytest.raises(WireError, match="40 bytes; the most is 39"):
        parse_call(b"{" + b" " * 39, Limits(size=39))


@pytest.mark.parametrize(
    ("fields", "envelope"),
    [
        ('"id":5', Envelope(5)),
        ('"id":"a"', Envelope("a")),
        ('"id":-1', Envelope(-1)),
        ('"id":null', Envelope(0)),
        ('"id":1.5', Envelope(0)),
        ('"id":true', Envelope(0)),
        ('"id":[1]', Envelope(0)),
        ('"x":1', Envelope(0)),
        ('"jsonrpc":"1.0","id":2', Envelope(2)),
        ('"jsonrpc":"2.0","id":5', Envelope(5, "2.0")),
        ('"jsonrpc":"2.0","id":"a"', Envelope("a", "2.0")),
        ('"jsonrpc":"2.0","id":null', Envelope(None, "2.0")),
        ('"jsonrpc":"2.0"', Envelope(None, "2.0")),
    ],
)
def test_the_id_is_repeated(fields: str, envelope: Envelope) -> None:
    """An int or a string is repeated; without one it is 0, and null for version 2.0."""
    assert parse_call(f'{{"method":"m","params":[],{fields}}}'.encode()).envelope == envelope


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ('{"jsonrpc":"2.0","method":"m","params":{"a":1}}', [{"a": 1}]),
        ('{"jsonrpc":"2.0","method":"m","params":[{"a":1}]}', [{"a": 1}]),
        ('{"jsonrpc":"2.0","method":"m"}', []),
        ('{"jsonrpc":"2.0","method":"m","params":null}', []),
        ('{"method":"m","params":[{"a":1},2]}', [{"a": 1}, 2]),
    ],
)
def test_parameters_of_each_version(body: str, params: list[Any]) -> None:
    """1.0 has a list; 2.0 an object, a list of one, or nothing."""
    assert parse_call(body.encode()).params == params


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("[]", "a call is an object, got a list of 0; batches are not taken"),
        ('"x"', 'a call is an object, got a string ("x")'),
        ('{"params":[]}', "method: expected a name, got nothing"),
        ('{"method":null,"params":[]}', "method: expected a name, got nil"),
        (
            '{"method":"m"}',
            "params: expected a list of one object with named parameters, got nothing",
        ),
        ('{"method":"m","params":{}}', "params: expected a list of one object"),
        (
            '{"jsonrpc":2.0,"method":"m","params":[]}',
            'jsonrpc: expected "2.0" or nothing, got a float',
        ),
    ],
)
def test_what_is_no_call_is_refused(body: str, text: str) -> None:
    """The error names the field, what it should be, and what it was."""
    with pytest.raises(WireError) as raised:
        parse_call(body.encode())
    assert str(raised.value).startswith(text)


def test_an_error_keeps_the_envelope() -> None:
    """A call that fails after its id was read is answered with that id and version."""
    with pytest.raises(WireError) as raised:
        parse_call(b'{"jsonrpc":"2.0","method":5,"id":9}')
    assert raised.value.envelope == Envelope(9, "2.0")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (True, "true"),
        (None, "null"),
        (0.0, "0.0"),
        (-1.0, "-1.0"),
        (1.5, "1.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e300, "1e+300"),
        (5e-324, "4.940656458412465e-324"),
        ('a"b\\c/', '"a\\"b\\\\c/"'),
        ("\b\t\n\f\r\0\x1f\x7f", '"\\b\\t\\n\\f\\r\\u0000\\u001f\\u007f"'),
        ("é😀\u2028", '"é😀\u2028"'),
        ([1, [], {}], "[1,[],{}]"),
        ({"a": 1, "b c": "d", '"': 2}, '{"a":1,"b c":"d","\\"":2}'),
    ],
)
def test_values_are_written_as_rpclib_writes_them(value: Any, text: str) -> None:
    """Each value has the one form that rpclib's JSON library gives it."""
    assert dump_value(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), b"x"])
def test_what_has_no_form_is_not_written(value: Any) -> None:
    """JSON has no infinities and no bytes."""
    with pytest.raises(TypeError, match="no form in JSON"):
        dump_value(value)


@given(trees)
def test_values_come_back(value: Any) -> None:
    """Written and read, a tree is the same, by this reader and by the standard library's."""
    assert json.loads(dump_value(value)) == value
    for version in ("1.0", "2.0"):
        envelope = Envelope(7, version)
        call = parse_call(dump_call("m", [value], envelope))
        assert (call.method, call.envelope) == ("m", envelope)
        if value is not None or version == "1.0":
            assert call.params == [value]
    reply = parse_response(dump_success(value, Envelope(7, "2.0")))
    assert (reply.success, reply.value) == (True, value)


@given(trees.filter(lambda value: value is not None))
def test_replies_come_back(value: Any) -> None:
    """A reply of version 1.0 has both keys; the one that is null does not count."""
    for success, body in ((True, dump_success(value)), (False, dump_failure(value))):
        reply = parse_response(body)
        assert (reply.success, reply.value) == (success, value)
        assert list(json.loads(body)) == ["result", "error", "id"]


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: ("{" + text).encode()))
def test_any_bytes_read_or_are_refused(body: bytes) -> None:
    """Reading ends with a call or a WireError, whatever comes."""
    try:
        assert parse_call(body).method
    except WireError:
        return


def test_a_version_2_failure_has_code_message_and_data() -> None:
    """A 2.0 failure is an error object; its data is the variant, which comes back."""
    variant = ["Does_not_exist", ["host", "42"]]
    body = dump_failure(variant, Envelope(3, "2.0"), -32000)
    assert json.loads(body) == {
        "jsonrpc": "2.0",
        "error": {
            "code": -32000,
            "message": 'Does_not_exist: ["host","42"]',
            "data": variant,
        },
        "id": 3,
    }
    reply = parse_response(body)
    assert (reply.success, reply.value) == (False, variant)
    assert json.loads(dump_failure("Domain_not_built", Envelope(3, "2.0")))["error"]["message"] == (
        "Domain_not_built"
    )


def test_a_foreign_error_object_becomes_an_internal_error() -> None:
    """A 2.0 error without data is an Internal_error with its message."""
    body = b'{"jsonrpc":"2.0","error":{"code":-32601,"message":"no"},"id":null}'
    assert parse_response(body).value == ["Internal_error", "no"]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"result":1,"id":1}',
        b'{"error":1,"id":1}',
        b'{"result":1,"error":2,"id":1}',
        b'{"result":1,"error":null}',
        b'{"result":1,"error":null,"id":null}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","result":1,"error":{},"id":1}',
        b'{"jsonrpc":"2.0","error":"x","id":1}',
    ],
)
def test_what_is_no_reply_is_refused(body: bytes) -> None:
    """A reply has an id and one of result and error, as rpclib's reader demands."""
    with pytest.raises(WireError):
        parse_response(body)
