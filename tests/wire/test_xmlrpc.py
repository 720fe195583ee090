"""xenops_cpu.wire.xmlrpc: reads what rpclib reads, writes what rpclib writes, refuses the rest."""

from __future__ import annotations

import gc
import sys
import xmlrpc.client
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.support.limits import reaches
from xenops_cpu.wire import LIMITS, REPLY_LIMITS, Limits, WireError
from xenops_cpu.wire.xmlrpc import (
    _parse_plain,
    dump_call,
    dump_failure,
    dump_success,
    dump_value,
    parse_any_call,
    parse_call,
    parse_response,
)

# What every XML parser reads back as it was: no control characters, and CR is a line break to XML.
texts = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff")
)
names = texts.filter(bool)
trees = st.recursive(
    st.none() | st.booleans() | texts | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


def call(value: str, before: str = "") -> bytes:
    return (
        f"{before}<methodCall><methodName>m</methodName><params><param>{value}</param></params>"
        "</methodCall>"
    ).encode()


def value_of(value: str) -> Any:
    """What a <value> element reads as."""
    return parse_call(call(value)).params[0]


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("<value/>", ""),
        ("<value></value>", ""),
        ("<value>x</value>", "x"),
        ("<value> x </value>", " x "),
        ("<value>  </value>", "  "),
        ("<value>\n</value>", "\n"),
        ("<value>a<!-- c -->b</value>", "ab"),
        ("<value><![CDATA[<&>]]></value>", "<&>"),
        ("<value>&lt;&amp;&gt;&quot;&#65;</value>", '<&>"A'),
        ("<value><string/></value>", ""),
        ("<value><string> x </string></value>", " x "),
        ("<value>\n <string>x</string>\n</value>", "x"),
        ("<value><int>5</int></value>", 5),
        ("<value><i4>+5</i4></value>", 5),
        ("<value><i8>-9223372036854775808</i8></value>", -(2**63)),
        ("<value><int>0x10</int></value>", 16),
        ("<value>5</value>", "5"),
        ("<value><boolean>1</boolean></value>", True),
        ("<value><boolean>0</boolean></value>", False),
        ("<value><boolean>true</boolean></value>", False),
        ("<value><double>1.5</double></value>", 1.5),
        ("<value><double>0</double></value>", 0.0),
        ("<value><nil/></value>", None),
        ("<value><nil></nil></value>", None),
        ("<value><base64>aGk=</base64></value>", b"hi"),
        ("<value><array/></value>", []),
        ("<value><array><data/></array></value>", []),
        ("<value><array><data> <value>a</value> <value/> </data></array></value>", ["a", ""]),
        ("<value><struct/></value>", {}),
        (
            "<value><struct>\n<member>\n<name>a</name>\n<value>1</value>\n</member>\n</struct></value>",
            {"a": "1"},
        ),
        (
            "<value><struct><member><name>a</name><value>1</value></member>"
            "<member><name>a</name><value>2</value></member></struct></value>",
            {"a": "1"},
        ),
        ("<value xmlns:x='urn:x'><x:int>5</x:int></value>", 5),
        ("<value kind='odd'>x</value>", "x"),
        ("<value>é€😀</value>", "é€😀"),
    ],
)
def test_values_are_read_as_rpclib_reads_them(element: str, value: Any) -> None:
    """Each form that rpclib takes reads as the same value, and as the same type."""
    got = value_of(element)
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("element", "text"),
    [
        ("<value><int/></value>", "<int>: expected an int"),
        ("<value><int>5.0</int></value>", "<int>: expected an int"),
        ("<value><int> 5 </int></value>", "<int>: expected an int"),
        ("<value><int>9223372036854775808</int></value>", "<int>: expected an int of 64 bits"),
        ("<value><double>x</double></value>", "<double>: expected a float"),
        ("<value><boolean/></value>", "<boolean> is empty"),
        ("<value><base64>a</base64></value>", "<base64>: "),
        ("<value><nil>x</nil></value>", 'text where none can be: "x"'),
        ("<value>x<int>5</int></value>", 'text where none can be: "x"'),
        ("<value><int>5</int>x</value>", 'text where none can be: "x"'),
        ("<value><int>5</int><int>6</int></value>", "<int> where the end of the element"),
        ("<value><float>5</float></value>", "<float> where <string> or <struct> or"),
        ("<value><int><int>5</int></int></value>", "<int> where the end of the element"),
        ("<value><array><value/></array></value>", "<value> where <data> is expected"),
        ("<value><array><data/><data/></array></value>", "<data> where the end of the element"),
        ("<value><array><data>x</data></array></value>", 'text where none can be: "x"'),
        ("<value><struct><member/></struct></value>", "<member> has no <name>"),
        (
            "<value><struct><member><name>a</name></member></struct></value>",
            "<member> has no <value>",
        ),
        (
            "<value><struct><member><value/><name>a</name></member></struct></value>",
            "<value> where <name> is expected",
        ),
        ("<value/><value/>", "<value> where the end of the element"),
        ("", "<param> has no <value>"),
        ("<string>x</string>", "<string> where <value> is expected"),
    ],
)
def test_a_misplaced_element_is_refused_where_it_stands(element: str, text: str) -> None:
    """What the grammar of XML-RPC does not have is an error that says what was expected."""
    with pytest.raises(WireError) as raised:
        value_of(element)
    assert str(raised.value).startswith(text)


@pytest.mark.parametrize(
    "before",
    [
        "",
        '<?xml version="1.0"?>',
        '<?xml version="1.0" encoding="utf-8"?>\n',
        "<!-- a comment -->",
        "<!DOCTYPE methodCall>",
        "<!DOCTYPE methodCall SYSTEM 'http://example.com/x.dtd'>",
        "<!DOCTYPE methodCall [<!ELEMENT methodCall ANY>]>",
        "<?php echo ?>",
    ],
)
def test_what_may_stand_before_a_call(before: str) -> None:
    """A declaration, comments, and a DOCTYPE without entities are fine."""
    assert parse_call(call("<value>x</value>", before)).params == ["x"]


@pytest.mark.parametrize(
    "before",
    [
        "<!DOCTYPE m [<!ENTITY e 'x'>]>",
        "<!DOCTYPE m [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>",
        "<!DOCTYPE m [<!ENTITY % e 'x'>]>",
        "<!DOCTYPE m SYSTEM 'http://example.com/x.dtd'>",
        "",
    ],
)
def test_entities_are_refused(before: str) -> None:
    """No entity is defined, fetched, or left out in silence."""
    with pytest.raises(WireError, match="entity"):
        parse_call(call("<value>&e;</value>", before))


def test_other_encodings_are_read() -> None:
    """A declared encoding and a UTF-16 byte-order mark are heeded."""
    text = call("<value>é</value>", '<?xml version="1.0" encoding="{}"?>').decode()
    assert parse_call(text.format("iso-8859-1").encode("iso-8859-1")).params == ["é"]
    assert parse_call(text.format("utf-16").encode("utf-16")).params == ["é"]
    with pytest.raises(WireError, match="not well-formed XML"):
        parse_call(text.format("nonsense").encode())


@reaches("depth")
@pytest.mark.parametrize("depth", [1, 5, 64])
def test_the_depth_has_a_limit(depth: int) -> None:
    """As many elements in one another as the limit says, and not one more."""
    inner = "<value><array><data>" * 50 + "</data></array></value>" * 50
    levels = 3 + 150
    assert parse_call(call(inner), Limits(depth=levels)).method == "m"
    for limit in (levels - 1, depth):
        with pytest.raises(WireError, match=f"more than {limit} elements in one another"):
            parse_call(call(inner), Limits(depth=limit))


@reaches("reply_count")
def test_a_reply_has_a_limit_of_its_own() -> None:
    """Our client takes much more of a service than a service does of a caller."""
    items = "<value>1</value>" * 60_000
    body = (
        "<methodResponse><params><param><value><array><data>"
        f"{items}</data></array></value></param></params></methodResponse>"
    ).encode()
    assert len(parse_response(body).value) == 60_000
    with pytest.raises(WireError, match="more than 59999 elements"):
        parse_response(body, evolve(REPLY_LIMITS, count=59_999))


@reaches("count")
def test_the_count_has_a_limit() -> None:
    """As many elements as the limit says, and not one more."""
    body = call("<value><array><data>" + "<value/>" * 100 + "</data></array></value>")
    assert len(parse_call(body, Limits(count=107)).params[0]) == 100
    with pytest.raises(WireError, match="more than 106 elements"):
        parse_call(body, Limits(count=106))


def test_the_size_has_a_limit() -> None:
    """A body over the limit is not even looked at."""
    body = call("<value/>")
    assert parse_call(body, Limits(size=len(body)))
    with pytest.raises(WireError, match=f"{len(body)} bytes; the most is {len(body) - 1}"):
        parse_call(body, Limits(size=len(body) - 1))


def test_attribute_declarations_are_refused() -> None:
    """A body full of them would keep the parser busy for a second."""
    declared = b"".join(b"a%d CDATA '1' " % number for number in range(20_000))
    body = b"<!DOCTYPE a [<!ATTLIST a %s>]><methodCall/>" % declared
    with pytest.raises(WireError, match="a DOCTYPE that declares attributes"):
        parse_call(body)


# A call as rpclib writes it, its parts drawn from what is plain and what nearly is.
near_names = st.sampled_from(["debug_info", "unit", "a", "A", "a-b", "a.b", "é", "", "1", " "])
near_texts = st.text(
    st.sampled_from("ab \t\n\r&<>\"'/;=%é\x00\x7f\ufffe") | st.characters(), max_size=9
)
near_values = near_texts | st.sampled_from(
    ["<nil/>", "&amp;", "<string>a</string>", "<int>5</int>"]
)
near_members = st.lists(st.tuples(near_names, near_values), max_size=4)


@given(near_names | st.just("HOST.stat"), near_members, st.data())
def test_the_short_way_reads_what_the_parser_reads(
    method: str, members: list[tuple[str, str]], data: st.DataObject
) -> None:
    """A call that is read without the parser is one that the parser reads the same."""
    struct = "".join(
        f"<member><name>{name}</name><value>{value}</value></member>" for name, value in members
    )
    text = (
        f'<?xml version="1.0"?><methodCall><methodName>{method}</methodName><params><param><value>'
        f"<struct>{struct}</struct></value></param></params></methodCall>"
    )
    body = text.encode("utf-8", "surrogatepass")
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(body)))
        body = (
            body[:at] + data.draw(st.binary(max_size=2)) + body[at + data.draw(st.integers(0, 2)) :]
        )
    short = _parse_plain(body)
    if short is not None:
        assert short == parse_any_call(body, LIMITS)


def test_the_genuine_call_goes_the_short_way() -> None:
    """What rpclib writes of a call is of the plain form, and of each method here."""
    for params in ({"debug_info": "x\n00-ab-cd-01"}, {"unit": None, "debug_info": ""}, {}):
        body = dump_call("HOST.get_cpu_info", [params])
        assert _parse_plain(body) == parse_any_call(body, LIMITS)
    assert _parse_plain(dump_call("query", [{"debug_info": "a < b"}])) is None


def test_a_call_leaves_no_garbage() -> None:
    """Nothing of a call, good or bad, is left for the garbage collector."""
    bodies = [call("<value>x</value>"), call("<value><bad/></value>"), b"<x"]

    def read_all() -> None:
        for body in bodies:
            try:
                parse_any_call(body, LIMITS)
            except WireError:
                continue

    read_all()
    gc.disable()
    gc.freeze()  # what other tests left is not looked at
    try:
        read_all()
        assert gc.collect() == 0
    finally:
        gc.unfreeze()
        gc.enable()


def test_the_standard_library_is_not_patched() -> None:
    """defusedxml's process-wide patch is not applied."""
    assert xmlrpc.client.ExpatParser.__module__ == "xmlrpc.client"
    assert "defusedxml.xmlrpc" in sys.modules


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "<value>5</value>"),
        (-(2**63), "<value>-9223372036854775808</value>"),
        ("", "<value></value>"),
        ("<a & \"b\" 'c'>", "<value>&lt;a &amp; &quot;b&quot; 'c'&gt;</value>"),
        ("a\tb\nc\rd", "<value>a\tb\nc\rd</value>"),
        ("a\x00b\x1fc\x7fd\x0b", "<value>abc\x7fd</value>"),
        (True, "<value><boolean>1</boolean></value>"),
        (False, "<value><boolean>0</boolean></value>"),
        (0.0, "<value><double>0</double></value>"),
        (0.1, "<value><double>0.1</double></value>"),
        (1 / 3, "<value><double>0.3333333333333333</double></value>"),
        (1e300, "<value><double>1e+300</double></value>"),
        (None, "<value><nil/></value>"),
        ([], "<value><array><data></data></array></value>"),
        ([1, "a"], "<value><array><data><value>1</value><value>a</value></data></array></value>"),
        ({}, "<value><struct></struct></value>"),
        (
            {"a": 1, "b & c": 2},
            "<value><struct><member><name>a</name><value>1</value></member>"
            "<member><name>b &amp; c</name><value>2</value></member></struct></value>",
        ),
    ],
)
def test_values_are_written_as_rpclib_writes_them(value: Any, text: str) -> None:
    """Each value has the one form that rpclib gives it."""
    assert dump_value(value) == text


def test_what_has_no_form_is_not_written() -> None:
    """A value outside the tree is an error, not some text."""
    with pytest.raises(TypeError, match="no form in XML-RPC"):
        dump_value(b"x")


def test_half_a_surrogate_pair_does_not_stop_an_answer() -> None:
    """Text that UTF-8 cannot say is written with a question mark."""
    assert b"<value>?</value>" in dump_success("\ud800")


def plain(value: Any) -> Any:
    """A tree as it reads: ints are bare text, and an int is no different from its text."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.16g}")
    return value


@given(trees)
def test_values_come_back(value: Any) -> None:
    """Written and read, a tree is the same: in a call, a success and a failure."""
    assert parse_call(dump_call("m", [value])).params == [plain(value)]
    for success, body in ((True, dump_success(value)), (False, dump_failure(value))):
        reply = parse_response(body)
        assert (reply.success, reply.value) == (success, plain(value))


@given(trees)
def test_the_standard_library_reads_the_same(value: Any) -> None:
    """xmlrpc.client's own reader makes the same of what is written here."""
    (struct,), method = xmlrpc.client.loads(dump_success(value), use_builtin_types=True)
    assert method is None
    assert struct == {"Status": "Success", "Value": plain(value)}
    params, name = xmlrpc.client.loads(dump_call("a.b", [value]), use_builtin_types=True)
    assert (list(params), name) == ([plain(value)], "a.b")


@given(trees)
def test_the_standard_library_is_understood(value: Any) -> None:
    """What xmlrpc.client writes, with a type tag on every value, reads as the same tree."""
    body = xmlrpc.client.dumps((value,), "m", allow_none=True).encode()
    assert parse_call(body).params == [value]


@given(st.text(max_size=60).map(lambda tail: "<methodCall>" + tail) | st.text(max_size=60))
def test_any_text_reads_or_is_refused(text: str) -> None:
    """Reading ends with a call or a WireError, whatever comes."""
    try:
        assert parse_call(text.encode()).method
    except WireError:
        return


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<methodResponse/>", "<methodResponse> has no <params>"),
        (b"<methodResponse><params/></methodResponse>", "0 values in a reply"),
        (dump_call("m", []), "a <methodCall> where a <methodResponse> is expected"),
        (
            b"<methodResponse><fault><value>x</value></fault></methodResponse>",
            'a <fault>: a string ("x")',
        ),
    ],
)
def test_what_is_no_reply_is_refused(body: bytes, text: str) -> None:
    """A reply has one value; a fault has no type."""
    with pytest.raises(WireError) as raised:
        parse_response(body)
    assert str(raised.value).startswith(text)


def test_a_reply_without_status_is_a_success() -> None:
    """rpclib takes a value that is not its Status struct for the result."""
    body = b"<methodResponse><params><param><value>x</value></param></params></methodResponse>"
    assert parse_response(body).value == "x"
    with pytest.raises(WireError, match="a <methodResponse> where"):
        parse_call(body)
