"""Answers that are odd: late, cut off, packed, sent elsewhere, from another program."""

import gzip
import time
import zlib
from collections.abc import Iterator

import pytest

from tests.support import xapi_values as values
from tests.support.xapi_server import Handler, Odd, StandIn, http, raw, serving
from xenops_cpu.xapi import http as posts
from xenops_cpu.xapi import url, value
from xenops_cpu.xapi.errors import AnswerError, ApiFailure, Unreachable, XapiError
from xenops_cpu.xapi.http import Endpoint, Timeouts
from xenops_cpu.xapi.tls import Trust
from xenops_cpu.xapi.wire import Wire

ANSWER = values.json_success({"OpaqueRef:p": {"name_label": "Zürich"}}, "2.0")
XML_ANSWER = values.xml_success({"OpaqueRef:p": {"name_label": "Zürich"}})
VALUE = {"OpaqueRef:p": {"name_label": "Zürich"}}
BARE = ANSWER.removeprefix(b'{"jsonrpc":"2.0","result":').removesuffix(b',"id":0}')
CALL = "pool.get_all_records"


@pytest.fixture
def xapi() -> Iterator[StandIn]:
    with serving() as stand_in:
        yield stand_in


def ask(xapi: StandIn, odd: Odd, answer: float = 20.0) -> object:
    """The value of one call that is answered oddly, JSON-RPC being what is spoken."""
    xapi.odd[CALL] = odd
    timeouts = Timeouts(2.0, answer)
    return Wire(Endpoint(url.parse(xapi.url), Trust(tell=lambda _: None), timeouts)).call(CALL)


@pytest.mark.parametrize(
    "odd",
    [
        http(ANSWER),
        http(ANSWER, Content_Type="text/plain"),
        http(gzip.compress(ANSWER), Content_Encoding="gzip"),
        http(gzip.compress(ANSWER), Content_Encoding="X-GZIP"),
        http(zlib.compress(ANSWER), Content_Encoding="deflate"),
        http(ANSWER, Content_Encoding="identity"),
        raw(b"HTTP/1.0 200 OK\r\n\r\n" + ANSWER),
        raw(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"".join(b"1\r\n%c\r\n" % byte for byte in ANSWER)
            + b"0\r\n\r\n"
        ),
        http(b" \r\n" + ANSWER + b"\n"),
        http(b'{"id":0,"result":{"Status":"Success","Value":' + BARE + b"}}"),
        http(values.json_success(VALUE, "1.0")),
        http(b'{"result":' + BARE + b',"error":null}'),
    ],
    ids=range(12),
)
def test_what_is_odd_but_right(xapi: StandIn, odd: Odd) -> None:
    """Another type, packed, in pieces, without a length, in an older form."""
    assert ask(xapi, odd) == VALUE


@pytest.mark.parametrize(
    ("odd", "error", "words"),
    [
        (http(b"", "HTTP/1.1 500 Internal Error"), AnswerError, "HTTP 500 Internal Error"),
        (http(b"", "HTTP/1.1 503 Away"), Unreachable, "HTTP 503 Away"),
        (http(b"", "HTTP/1.1 401 Who?"), AnswerError, r"HTTP 401 Who\?"),
        (
            http(b"", "HTTP/1.1 301 Moved", Location="https://xs2/\x07"),
            AnswerError,
            r"HTTP 301 Moved, to https://xs2/\?; redirects are not followed",
        ),
        (http(ANSWER[:-1]), Unreachable, "cut off within its JSON"),
        (http(ANSWER[:40]), Unreachable, "cut off within its JSON"),
        (http(ANSWER[:20]), Unreachable, "cut off within its JSON"),
        (http(ANSWER, Content_Length="200"), Unreachable, "cut off, 126 bytes are missing"),
        (
            http(gzip.compress(ANSWER)[:-20], Content_Encoding="gzip"),
            Unreachable,
            "the answer is cut off",
        ),
        (http(ANSWER, Content_Encoding="gzip"), AnswerError, "is not gzip"),
        (http(ANSWER, Content_Encoding="br"), AnswerError, r"packed \(br\); nobody asked"),
        (raw(b""), Unreachable, "closed without an answer"),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), AnswerError, "does not speak HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), Unreachable, "5 bytes are missing"),
        (
            raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"),
            Unreachable,
            "cut off",
        ),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200), AnswerError, "does not speak HTTP"),
        (http(b'{"result":nonsense,"id":0}' + b" " * 100), AnswerError, "damaged JSON"),
        (http(b'{"result":1 "id":0}'), AnswerError, 'damaged JSON: "," or "}" is missing'),
        (http(b'{"result":1,1:0}'), AnswerError, "damaged JSON: a name in quotes is missing"),
        (http(b'{"result" 1}'), AnswerError, 'damaged JSON: ":" is missing'),
        (http(ANSWER + b"{}"), AnswerError, "goes on after its end"),
        (http(b'{"result":"\xff"}'), AnswerError, "not UTF-8"),
        (http(b'{"result":' + b"[" * 200_000), AnswerError, "JSON that no xapi writes"),
        (http(b'{"result":' + b"9" * 5000 + b"}"), AnswerError, "JSON that no xapi writes"),
        (http(b"{}"), AnswerError, "neither a value nor an error"),
        (http(b'{"result":{"Status":"Perhaps"}}'), AnswerError, "neither a value nor an error"),
        (http(b'{"error":{"code":1}}'), AnswerError, "an error without a code"),
        (http(b'{"error":[]}'), AnswerError, "an error without a code"),
    ],
)
def test_what_is_refused(xapi: StandIn, odd: Odd, error: type[XapiError], words: str) -> None:
    """Each with what came, from whom."""
    with pytest.raises(error, match=words) as caught:
        ask(xapi, odd)
    assert str(caught.value).startswith(f"127.0.0.1:{xapi.port}")


@pytest.mark.parametrize(
    ("body", "description"),
    [
        (b'{"error":["HOST_IS_SLAVE","10.0.0.11"],"result":null}', ("HOST_IS_SLAVE", "10.0.0.11")),
        (
            b'{"error":{"message":"HOST_IS_SLAVE","data":["10.0.0.11"]}}',
            ("HOST_IS_SLAVE", "10.0.0.11"),
        ),
        (b'{"error":{"message":"Method not found"}}', ("Method not found",)),
        (b'{"error":"INTERNAL_ERROR"}', ("INTERNAL_ERROR",)),
        (
            b'{"result":{"Status":"Failure","ErrorDescription":["X",1]},"error":null}',
            ("X", "1"),
        ),
    ],
)
def test_forms_of_failure(xapi: StandIn, body: bytes, description: tuple[str, ...]) -> None:
    """JSON-RPC 1.0 and 2.0, and Status with ErrorDescription."""
    with pytest.raises(ApiFailure) as caught:
        ask(xapi, http(body))
    assert (caught.value.code, *caught.value.parameters) == description


@pytest.mark.parametrize(
    "odd",
    [
        http(b"<html><body>p<w>&amp;d</body></html>", Content_Type="text/html"),
        http(b"<!DOCTYPE html><html/>", Content_Type="text/html"),
        http(b"", Content_Type="text/html"),
        http(b"", "HTTP/1.1 404 Not Found", Content_Type="text/html"),
    ],
)
def test_another_program_answers(xapi: StandIn, odd: Odd) -> None:
    """Neither protocol is spoken; what it says, which may repeat a password, is not shown."""
    with pytest.raises(AnswerError, match="no xapi answers there: neither JSON-RPC") as caught:
        ask(xapi, odd)
    assert "XML-RPC" in str(caught.value)
    assert "p<w>" not in str(caught.value)


def test_xml_is_asked_for_in_vain_once(xapi: StandIn) -> None:
    """The protocol is found out by the first answer, whatever that is, and kept."""
    xapi.json_version = ""
    wire = Wire(Endpoint(url.parse(xapi.url), Trust(tell=lambda _: None), Timeouts()))
    for _ in range(2):
        with pytest.raises(ApiFailure, match="the session has ended"):
            wire.call(CALL, "OpaqueRef:none")
    assert [path for path, _ in xapi.calls] == ["/jsonrpc", "/", "/"]


def test_xml_with_a_type_and_a_packing(xapi: StandIn) -> None:
    """XML-RPC's answers may be as odd."""
    xapi.json_version = ""
    packed = http(gzip.compress(XML_ANSWER), Content_Type="text/plain", Content_Encoding="gzip")
    assert ask(xapi, packed) == VALUE


# --- time


def dripping(body: bytes, seconds: float = 0.05) -> Odd:
    def odd(handler: Handler) -> bool:
        for byte in body:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(seconds)
        return True

    return odd


def late(seconds: float) -> Odd:
    def odd(_handler: Handler) -> bool:
        time.sleep(seconds)
        return False

    return odd


@pytest.mark.slow
@pytest.mark.parametrize(
    "odd",
    [
        late(5),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 74\r\n\r\n" + ANSWER),
        dripping(b"HTTP/1.1 200 OK\r\n" + b"X-Header: 1\r\n" * 20),
        dripping(b"HTTP/1.1 200 " + b"O" * 1000),
    ],
    ids=["late", "a dripping body", "dripping headers", "a dripping status"],
)
def test_a_whole_answer_has_its_time(xapi: StandIn, odd: Odd) -> None:
    """A byte now and then does not prolong it."""
    begin = time.monotonic()
    with pytest.raises(Unreachable, match=r"no whole answer within 0\.4 s"):
        ask(xapi, odd, answer=0.4)
    assert time.monotonic() - begin < 4


def test_a_slow_answer_within_its_time(xapi: StandIn) -> None:
    """In small pieces, each of which makes a read of its own."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
    assert ask(xapi, dripping(head + ANSWER, 0.001)) == VALUE


# --- size


def test_an_answer_without_end_ends(xapi: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packed, a small answer may be a large one: what comes out counts."""
    monkeypatch.setattr(posts, "MAX_ANSWER", 2 * 1024 * 1024)
    bomb = gzip.compress(b'{"result":"' + b"x" * 4 * 1024 * 1024 + b'"}')
    assert len(bomb) < 10_000
    with pytest.raises(AnswerError, match="an answer of more than 2 MiB"):
        ask(xapi, http(bomb, Content_Encoding="gzip"))


@pytest.mark.parametrize("protocol", ["json", "xml"])
def test_a_value_that_is_too_large(
    xapi: StandIn, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One value is kept whole, so it has a limit of its own."""
    monkeypatch.setattr("xenops_cpu.xapi.jsonrpc.MAX_VALUE", 200_000)
    monkeypatch.setattr("xenops_cpu.xapi.xmlrpc.MAX_VALUE", 200_000)
    body = values.json_success("x" * 1_000_000, "2.0")
    if protocol == "xml":
        xapi.json_version = ""
        body = values.xml_success("x" * 1_000_000)
    with pytest.raises(AnswerError, match="a value of more than"):
        ask(xapi, http(body))


def test_the_limits_are_generous() -> None:
    """A VM's record is 20 kB; all of them are 125 MB."""
    assert value.MAX_VALUE >= 16 * 1024 * 1024
    assert posts.MAX_ANSWER >= 500 * 1000 * 1000
