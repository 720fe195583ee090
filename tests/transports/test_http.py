"""Reading HTTP requests: the genuine client's, odd but valid ones, and what must be refused."""

import itertools

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.limits import reaches
from xenops_cpu.transports.http import MAX_HEAD_BYTES, HttpError, Request, RequestReader, response

GENUINE = (
    b"POST /var/lib/xcp/xenopsd HTTP/1.1\r\nUser-agent: xapi\r\n"
    b"content-length: 5\r\nhost: localhost\r\n\r\nhello"
)


def read_all(reader: RequestReader, data: bytes) -> list[Request]:
    """Feed the bytes and take what is whole."""
    reader.buffer += data
    requests = []
    while (request := reader.next()) is not None:
        requests.append(request)
    return requests


def test_the_genuine_request() -> None:
    """xapi's request is read: its body, and that the connection is kept."""
    assert read_all(RequestReader(), GENUINE) == [Request(b"hello", keep_alive=True)]


@given(st.lists(st.integers(0, len(GENUINE) * 3), max_size=8))
def test_any_split_into_writes(cuts: list[int]) -> None:
    """Three pipelined requests are read however the bytes arrive."""
    data = GENUINE * 3
    edges = [0, *sorted(cuts), len(data)]
    reader = RequestReader()
    requests = []
    for start, end in itertools.pairwise(edges):
        requests += read_all(reader, data[start:end])
    assert [request.body for request in requests] == [b"hello"] * 3
    assert reader.missing == ""


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", True),
        (b"POST /a%20b?c HTTP/1.1\r\nHOST: x\r\nCONTENT-LENGTH:0\r\n\r\n", True),
        (b"POST / HTTP/1.0\r\ncontent-length: 0\r\n\r\n", False),
        (b"POST / HTTP/1.0\r\ncontent-length: 0\r\nConnection: Keep-Alive\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nConnection: close\r\ncontent-length:   0  \r\n\r\n", False),
        (b"\r\n\r\nPOST http://localhost/ HTTP/1.1\r\ncontent-length: 0\r\n\r\n", True),
        (b"POST / HTTP/1.1\ncontent-length: 0\n\n", True),
        (b"POST / HTTP/1.1\r\ncontent-length: 0\n\n", True),
        (b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\n", True),
        (b"POST / HTTP/1.1\ncontent-length: 0\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\ncontent-length: 0\r\nContent-Length:0 \r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nX: content-length: 9\r\ncontent-length: 0\r\n\r\n", True),
    ],
)
def test_odd_but_valid_heads(head: bytes, keep_alive: bool) -> None:
    """Order and case of headers, absent Host, HTTP/1.0, any line ends, a repeat: all are read."""
    (request,) = read_all(RequestReader(), head)
    assert (request.body, request.keep_alive) == (b"", keep_alive)


@reaches("head_bytes", "size")
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "GET: a call is a POST"),
        (b"POST / HTTP/1.1\r\n\r\n", "no Content-Length"),
        (b"POST / HTTP/1.1\r\ncontent-length: 1e3\r\n\r\n", "'1e3' is not a number"),
        (b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", "'-1' is not a number"),
        (b"POST / HTTP/1.1\r\ncontent-length: \xb2\r\n\r\n", "is not a number"),
        (b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "more than one"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding"),
        (b"POST / HTTP/1.1\r\ncontent-length: 1048577\r\n\r\n<", "at most 1048576"),
        (b"POST / HTTP/2.0\r\ncontent-length: 0\r\n\r\n", "not an HTTP/1 request"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", "not an HTTP/1 request"),
        (b"0000000000000067", "not an HTTP/1 request"),  # xapi's other framing, by its length
        (b"<?xml version='1.0'?><methodCall/>\r\n\r\n", "not an HTTP/1 request"),
        (b"hello\n", "not an HTTP/1 request: it begins with 'hello"),
        (b"POST / HTTP/1.1\r\nx: " + b"a" * MAX_HEAD_BYTES, "no end of the HTTP headers"),
    ],
)
def test_what_cannot_be_taken_says_why(data: bytes, words: str) -> None:
    """Each refusal says what was read and what would be right."""
    with pytest.raises(HttpError, match=words):
        read_all(RequestReader(), data)


OK = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (OK + b"transfer-encoding: chunked\r\ntransfer-encoding: x\r\n\r\n<", "Transfer-Encoding"),
        (OK + b"transfer-encoding: identity\r\n\r\n<", "Transfer-Encoding"),
        (OK + b"x: a\r\n b\r\n\r\n", "a folded header line: ' b"),
        (b"POST / HTTP/1.1\r\n a: b\r\ncontent-length: 0\r\n\r\n", "a folded header line"),
        (b"POST / HTTP/1.1\r\nContent-Length : 9\r\n\r\n", "'Content-Length : 9.*is not \"name: v"),
        (OK + b"x\0y: a\r\n\r\n", 'is not "name: value"'),
        (OK + b"x: a\0b\r\n\r\n", 'is not "name: value"'),
        (OK + b"x: a\rb\r\n\r\n", 'is not "name: value"'),
        (OK + b"nothing\r\n\r\n", "the header line 'nothing"),
        (OK + b": nameless\r\n\r\n", 'is not "name: value"'),
        (OK + b"Host: y\r\n\r\n", "more than one Host"),
        (b"POST  / HTTP/1.1\r\n\r\n", "not an HTTP/1 request"),
        (b"POST /\t HTTP/1.1\r\n\r\n", "not an HTTP/1 request"),
        (b"POST / HTTP/1.1 \r\n\r\n", "not an HTTP/1 request"),
        (b"POST /\xff HTTP/1.1\r\n\r\n", "not an HTTP/1 request"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(data: bytes, words: str) -> None:
    """Each of these is how requests are smuggled past one of two readers; h11 refuses most."""
    with pytest.raises(HttpError, match=words):
        read_all(RequestReader(), data)


@pytest.mark.parametrize(
    ("lines", "keep"),
    [
        ([b"Connection: keep-alive", b"Connection: close"], False),
        ([b"Connection: close", b"Connection: keep-alive"], False),
        ([b"Connection: x, Close"], False),
        ([b"Connection: closed"], True),
    ],
)
def test_every_connection_header_counts(lines: list[bytes], keep: bool) -> None:
    """Several lines are one list, and its words are whole."""
    data = OK + b"\r\n".join([*lines, b"", b""])
    assert read_all(RequestReader(), data) == [Request(b"", keep_alive=keep)]


PIECES = st.sampled_from(
    [
        b"POST", b"GET", b" ", b"/", b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\n", b"\r", b"\t", b"\0",
        b"Host: x", b"content-length: 3", b"Content-Length:3", b"content-length: 5", b": ", b":",
        b"Transfer-Encoding: chunked", b"Connection: close", b"Connection: keep-alive", b"abc",
        b"x: y", b"\xff", b"\x0b", b",", b"3", b"content-length : 3", b"\r\n\r\n",
    ]
)  # fmt: skip
LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [b"content-length: 3", b"x: y", b"Connection: close", b"content-length: 3"]
        ),
        st.lists(PIECES, max_size=4).map(b"".join),
    ),
    max_size=4,
)


@pytest.mark.slow
@settings(max_examples=500)
@given(LINES, st.sampled_from([b"\r\n", b"\n"]), st.lists(PIECES, max_size=2).map(b"".join))
@example(
    [b"content-length: 3", b"transfer-encoding: chunked", b"transfer-encoding: x"], b"\r\n", b""
)
@example([b"content-length : 3"], b"\r\n", b"")
@example([b" x: y", b"content-length: 3"], b"\r\n", b"")
@example([b"x\0: y", b"content-length: 3"], b"\r\n", b"")
@example([b"Connection: x", b"Connection: close", b"content-length: 3"], b"\r\n", b"")
def test_what_we_take_h11_takes(lines: list[bytes], end: bytes, extra: bytes) -> None:
    """Whatever the lines are: a request that is read here is read by h11, and is the same there.

    Two things only are taken here and not there, and are not drawn: no Host, blank lines in front.
    """
    head = end.join([b"POST / HTTP/1.1" + extra, b"Host: x", *lines, b"", b""])
    data = head + b"abc"
    try:
        requests = read_all(RequestReader(), data)
    except HttpError:
        return
    if not requests:
        return
    peer = h11.Connection(h11.SERVER)
    peer.receive_data(data)
    event = peer.next_event()  # raises where h11 refuses
    assert isinstance(event, h11.Request)
    body = b""
    while isinstance(part := peer.next_event(), h11.Data):
        body += part.data
    assert requests[0].body == body
    options = h11._headers.get_comma_header(event.headers, b"connection")
    if event.http_version == b"1.1":
        assert requests[0].keep_alive == (b"close" not in options)


def test_what_is_missing_is_told() -> None:
    """A request that stops early is described by how far it got."""
    reader = RequestReader()
    assert reader.missing == ""
    assert read_all(reader, GENUINE[:20]) == []
    assert reader.missing == "the request ends after 20 bytes, within its headers"
    assert read_all(reader, GENUINE[20:-2]) == []
    assert reader.missing == "the request ends after 3 of 5 bytes of its body"


@pytest.mark.parametrize(
    ("data", "json"),
    [
        (b"POST / HTTP/1.1\r\n\r\n{}", True),
        (b"POST / HTTP/1.1\r\nContent-Type: application/json\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\n\r\n<", False),
        (b"", False),
    ],
)
def test_the_wire_of_a_refusal_is_guessed(data: bytes, json: bool) -> None:
    """Body or Content-Type tell in which wire to answer what cannot be taken."""
    reader = RequestReader()
    reader.buffer += data
    assert reader.looks_like_json is json


TOKENS = st.text("abcdefghijklmnopqrstuvwxyz-ABC", min_size=1, max_size=12)


@given(
    st.lists(st.tuples(TOKENS, st.text("abc =/;,.", max_size=20)), max_size=5),
    st.binary(max_size=50),
    st.sampled_from([b"1.0", b"1.1"]),
    st.sampled_from([None, "close", "keep-alive"]),
)
def test_h11_reads_the_same(
    headers: list[tuple[str, str]], body: bytes, version: bytes, connection: str | None
) -> None:
    """On requests that are in order, h11 finds the same body and the same end of connection."""
    lines = [
        f"{name}: {value.strip()}"
        for name, value in headers
        if name.lower() not in ("content-length", "transfer-encoding", "connection", "expect")
    ]
    if connection:
        lines.append(f"Connection: {connection}")
    lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(["", "Host: localhost", *lines, "", ""])
    data = b"POST /x HTTP/" + version + head.encode() + body

    peer = h11.Connection(h11.SERVER)
    peer.receive_data(data)
    event = peer.next_event()
    assert isinstance(event, h11.Request)
    their_body = b""
    while isinstance(part := peer.next_event(), h11.Data):
        their_body += part.data
    peer.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
    peer.send(h11.EndOfMessage())

    (request,) = read_all(RequestReader(), data)
    assert request.body == their_body
    # h11 keeps no HTTP/1.0 connection; we do when the client asks for it.
    if version == b"1.1":
        assert request.keep_alive == (peer.our_state is h11.DONE)


def test_the_response() -> None:
    """The reply has its exact length and says when it is the last."""
    assert response(b"ab", "text/xml", keep_alive=True) == (
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/xml\r\n\r\nab"
    )
    assert b"\r\nconnection: close\r\n" in response(b"", "text/xml", keep_alive=False)


def test_line_ends_of_the_head_do_not_mix_with_the_body() -> None:
    """A body may hold the other kind of blank line."""
    bare = b"POST / HTTP/1.1\ncontent-length: 6\n\na\r\n\r\nb"
    assert [request.body for request in read_all(RequestReader(), bare)] == [b"a\r\n\r\nb"]
    crlf = b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\na\n\nb"
    assert [request.body for request in read_all(RequestReader(), crlf)] == [b"a\n\nb"]


@given(st.binary(max_size=3), st.binary(max_size=20), st.sampled_from([b"\r\n", b"\n"]), st.data())
def test_one_that_has_come_alone_is_read_the_same(
    start: bytes, body: bytes, line_end: bytes, data: st.DataObject
) -> None:
    """What is taken as it has arrived is what the buffer would have given, and nothing is left."""
    length = data.draw(st.sampled_from([len(body), len(body) + 1, max(len(body) - 1, 0), 2000]))
    kind = data.draw(st.sampled_from([b"text/xml", b"application/json"]))
    lines = [b"POST / HTTP/1.1", b"Content-Length: %d" % length, b"Content-Type: %s" % kind]
    request = start + line_end.join([*lines, b"", b""]) + body
    alone, buffered = RequestReader(max_body=1000), RequestReader(max_body=1000)
    taken = alone.only(request)
    if taken is not None:
        assert read_all(buffered, request) == [taken]
        assert not buffered.buffer
        assert not alone.missing


def test_what_has_begun_goes_on_in_the_buffer() -> None:
    """A request that is whole in itself is a piece of another where that has begun."""
    whole = b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nab"
    reader = RequestReader()
    assert reader.only(whole) == Request(b"ab", True)
    reader.buffer += b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(whole)
    assert reader.only(whole) is None
    assert reader.next() is None
    assert reader.only(whole) is None
    assert read_all(reader, whole) == [Request(whole, True)]
