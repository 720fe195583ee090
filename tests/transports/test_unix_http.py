"""The server loop over real sockets: odd clients, hostile clients, many clients."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import evolve, frozen

from tests.support.limits import reaches
from xenops_cpu.limits.service import Limits
from xenops_cpu.transports.conversation import Answers
from xenops_cpu.transports.http import Request
from xenops_cpu.transports.unix_http import Server
from xenops_cpu.transports.unix_socket import listening

LIMITS = Limits(
    size=64 * 1024,
    connections=50,
    unfinished_bytes=256 * 1024,
    stop_seconds=2.0,
    refuse_seconds=0.2,
)
# For tests of what is late alone: on a busy machine every client may be.
IMPATIENT = evolve(LIMITS, request_seconds=0.5, idle_seconds=0.5, write_seconds=0.5)


@frozen
class Running:
    path: Path
    server: Server

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.connect(
            str(self.path)
        )  # waits while the backlog is full, which a time-out would not
        client.settimeout(5)
        return client


TEXT = "text/plain"


def answers(answer: Callable[[bytes], tuple[bytes, str]]) -> Answers:
    """Those of a service that answers each body; one that begins with "long" may take long."""

    def quick(request: Request) -> tuple[bytes, str] | None:
        return None if request.body.startswith(b"long") else answer(request.body)

    def refuse(message: str, json: bool) -> tuple[bytes, str]:
        return (b"json: " if json else b"refused: ") + message.encode(), TEXT

    return Answers(quick, lambda request: answer(request.body), refuse)


@contextlib.contextmanager
def running(
    path: Path, answer: Callable[[bytes], tuple[bytes, str]] | None = None, limits: Limits = LIMITS
) -> Iterator[Running]:
    """A server in a thread; a call with body X is answered "got X"."""
    with listening(path) as listener:
        server = Server(listener, answers(answer or (lambda body: (b"got " + body, TEXT))), limits)
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield Running(path, server)
        finally:
            server.stop()
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "socket") as started:
        yield started


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "socket", limits=IMPATIENT) as started:
        yield started


def request(body: bytes, *headers: str) -> bytes:
    lines = ["POST / HTTP/1.1", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def read_reply(client: socket.socket) -> bytes:
    """One reply's body."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(4096)
        assert more, f"closed after {data!r}"
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += client.recv(65536)
    assert len(body) == length
    return body


def read_to_the_end(client: socket.socket) -> bytes:
    data = b""
    while more := client.recv(65536):
        data += more
    return data


def test_a_connection_is_kept(service: Running) -> None:
    """Several calls go over one connection, one after the other."""
    with service.connect() as client:
        for number in range(3):
            client.sendall(request(b"%d" % number))
            assert read_reply(client) == b"got %d" % number


def test_three_writes(service: Running) -> None:
    """A request that arrives in pieces, as rpclib sends it, is one request."""
    with service.connect() as client:
        for part in (b"POST / HTTP/1.1\r\n", b"content-length: 5\r\n\r\n", b"hel", b"lo"):
            client.sendall(part)
            time.sleep(0.02)
        assert read_reply(client) == b"got hello"


def test_pipelined_calls_are_answered_in_order(service: Running) -> None:
    """Calls sent without waiting are all answered, in order."""
    with service.connect() as client:
        client.sendall(b"".join(request(b"%d" % number) for number in range(100)))
        assert all(read_reply_of(client, b"got %d" % number) for number in range(100))


def read_reply_of(client: socket.socket, expected: bytes) -> bool:
    """Whether the next reply, and not a byte more, is this one."""
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\ncontent-type: text/plain\r\n\r\n" % len(
        expected
    )
    data = b""
    while len(data) < len(head + expected):
        data += client.recv(len(head + expected) - len(data))
    return data == head + expected


def test_connection_close_is_honoured(service: Running) -> None:
    """A client that asks for it gets its answer and then the end."""
    with service.connect() as client:
        client.sendall(request(b"x", "Connection: close"))
        assert read_to_the_end(client).endswith(b"got x")


def test_a_half_closed_client_gets_its_answers(service: Running) -> None:
    """Who shuts down its sending side after the request still reads the reply."""
    with service.connect() as client:
        client.sendall(request(b"x") + request(b"y"))
        client.shutdown(socket.SHUT_WR)
        assert read_to_the_end(client).endswith(b"got y")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"refused: HTTP method GET"),
        (b"POST / HTTP/1.1\r\n\r\n{}", b"json: no Content-Length"),
        (b"hello\r\n\r\n", b"refused: not an HTTP/1 request"),
        (b"POST / HTTP/1.1\r\ncontent-length: 70000\r\n\r\n", b"refused: a body of 70000 bytes"),
    ],
)
def test_a_refusal_is_an_answer(service: Running, data: bytes, words: bytes) -> None:
    """What cannot be taken is answered with HTTP 200 and the reason, then the connection ends."""
    with service.connect() as client:
        client.sendall(data)
        reply = read_to_the_end(client)
        assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
        assert words in reply


def test_a_large_body_is_refused_and_the_client_reads_it(service: Running) -> None:
    """A client that sends megabytes before it reads gets the refusal, not a broken pipe."""
    with service.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\ncontent-length: 8000000\r\n\r\n" + b"x" * 8_000_000)
        assert b"a body of 8000000 bytes: at most 65536" in read_to_the_end(client)


def test_an_unfinished_request_is_answered(service: Running) -> None:
    """A client that stops within its body is told how far it got."""
    with service.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nabc")
        client.shutdown(socket.SHUT_WR)
        assert b"after 3 of 9 bytes" in read_to_the_end(client)


def test_only_who_holds_too_much_pays_for_it(tmp_path: Path) -> None:
    """A large unfinished call whose client has gone is dropped; the others are answered."""
    limits = evolve(LIMITS, size=1 << 20, unfinished_bytes=100_000)
    head = b"POST / HTTP/1.1\r\ncontent-length: 500000\r\n\r\n"
    with listening(tmp_path / "socket") as listener:
        # Both calls are there before the first turn of the loop.
        gone, waiting = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        gone.connect(str(tmp_path / "socket"))
        gone.sendall(head + b"x" * 90_000)
        gone.close()
        waiting.connect(str(tmp_path / "socket"))
        waiting.settimeout(5)
        call = request(b"y" * 60_000)
        waiting.sendall(call[:-5])
        server = Server(listener, answers(lambda body: (body[:3], "")), limits)
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            with waiting:
                waiting.sendall(call[-5:])
                assert read_reply(waiting) == b"yyy"
        finally:
            server.stop()
            thread.join(10)


@reaches("request_seconds")
def test_a_slow_client_is_cut_off_with_an_answer(impatient: Running) -> None:
    """A byte now and then does not keep a request alive past its time; others are served."""
    with impatient.connect() as slow, impatient.connect() as quick:
        start = time.monotonic()
        slow.settimeout(0.05)
        reply = b""
        for byte in request(b"x" * 1000):
            slow.sendall(bytes([byte]))
            quick.sendall(request(b"q"))
            assert read_reply(quick) == b"got q"
            with contextlib.suppress(TimeoutError):
                reply = slow.recv(4096)
            if reply:
                break
        assert b"within its headers, after 0.5 s" in reply
        assert time.monotonic() - start < 4


@pytest.mark.slow
@reaches("write_seconds")
def test_a_client_that_does_not_read_is_cut_off(impatient: Running) -> None:
    """Answers that nobody takes are not piled up without end."""
    with impatient.connect() as deaf, impatient.connect() as other:
        deaf.settimeout(0.2)
        with contextlib.suppress(OSError):
            for _ in range(2000):
                deaf.sendall(request(b"x" * 60_000))
        other.sendall(request(b"o"))
        assert read_reply(other) == b"got o"
        time.sleep(0.9)
        deaf.settimeout(5)
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            deaf.sendall(b"x" * 10_000_000)


@reaches("idle_seconds")
def test_idle_connections_end(impatient: Running) -> None:
    """A connection without requests is closed after its time, silently."""
    with impatient.connect() as idle:
        assert idle.recv(1) == b""


@reaches("connections")
def test_too_many_connections_cost_the_idle_ones(service: Running) -> None:
    """Beyond the limit the longest idle connection goes, and new callers are served."""
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(service.connect()) for _ in range(LIMITS.connections)]
        late = stack.enter_context(service.connect())
        late.sendall(request(b"late"))
        assert read_reply(late) == b"got late"
        assert idle[0].recv(1) == b""


@reaches("unfinished_bytes")
def test_unfinished_bodies_are_bounded_together(service: Running) -> None:
    """Many half-sent bodies cannot fill the memory: the largest is refused."""
    with contextlib.ExitStack() as stack:
        head = b"POST / HTTP/1.1\r\ncontent-length: 65000\r\n\r\n"
        clients = [stack.enter_context(service.connect()) for _ in range(6)]
        for client in clients:
            client.sendall(head + b"x" * 60_000)
        # 6 * 60,000 bytes do not fit into 256 KiB, 4 * 60,000 do.
        refused: list[socket.socket] = []
        while len(refused) < 2:
            answered, _, _ = select.select(set(clients) - set(refused), [], [], 5)
            assert answered, f"{len(refused)} refused"
            refused += answered
        for client in clients:
            if client in refused:
                assert b"too many unfinished calls" in client.recv(4096)
            else:
                client.sendall(b"x" * 5_000)
                assert read_reply(client) == b"got " + b"x" * 65_000


def test_stop_finishes_the_call_in_hand(tmp_path: Path) -> None:
    """A call that is half received when the service stops is finished; idle clients are let go."""
    with running(tmp_path / "socket") as service:
        idle = service.connect()
        client = service.connect()
        data = request(b"in hand")
        client.sendall(data[:-3])
        time.sleep(0.1)
        service.server.stop()
        time.sleep(0.1)
        client.sendall(data[-3:])
        assert read_reply(client) == b"got in hand"
        assert idle.recv(1) == b""
        client.close()
        idle.close()


def test_a_fault_in_an_answer_costs_one_connection(tmp_path: Path) -> None:
    """An answer that raises, which none should, is logged, and the service goes on."""

    def answer(body: bytes) -> tuple[bytes, str]:
        if body == b"bad":
            raise RuntimeError("a fault")
        return body, "text/plain"

    with running(tmp_path / "socket", answer) as service:
        with service.connect() as client:
            client.sendall(request(b"bad"))
            assert client.recv(1) == b""
        with service.connect() as client:
            client.sendall(request(b"good"))
            assert read_reply(client) == b"good"


def test_the_genuine_path_is_not_looked_at(service: Running) -> None:
    """Any target is accepted: xapi sends the socket's own path."""
    with service.connect() as client:
        client.sendall(b"POST /var/lib/xcp%2Fxenopsd HTTP/1.1\r\nContent-length: 1\r\n\r\nx")
        assert read_reply(client) == b"got x"


def test_a_thousand_connections_and_a_caller(tmp_path: Path) -> None:
    """With a thousand idle connections another caller is still served."""
    limits = Limits(connections=1100)
    with (
        running(tmp_path / "socket", limits=limits) as service,
        contextlib.ExitStack() as stack,
        allow_files(2500),
    ):
        for _ in range(1000):
            stack.enter_context(service.connect())
        client = stack.enter_context(service.connect())
        client.sendall(request(b"me"))
        assert read_reply(client) == b"got me"


@contextlib.contextmanager
def allow_files(wanted: int) -> Iterator[None]:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} open files, the limit here is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@reaches("quick_bytes")
def test_a_long_call_does_not_hold_up_others(tmp_path: Path) -> None:
    """A large body is answered by a worker; small calls are answered meanwhile, on time."""
    release = threading.Event()

    def answer(body: bytes) -> tuple[bytes, str]:
        if len(body) > 10_000:
            assert release.wait(5)
        return b"got %d" % len(body), "text/plain"

    with (
        running(tmp_path / "socket", answer) as service,
        service.connect() as large,
        service.connect() as small,
    ):
        large.sendall(request(b"x" * 20_000) + request(b"next"))
        for _ in range(5):
            small.sendall(request(b"s"))
            assert read_reply(small) == b"got 1"
        release.set()
        assert read_reply_of(large, b"got 20000")
        assert read_reply_of(large, b"got 4")  # in order, though it is quick


@reaches("large_calls")
def test_large_calls_are_bounded(tmp_path: Path) -> None:
    """Beyond the limit of large calls at once a caller is told to try again."""
    release = threading.Event()

    def answer(body: bytes) -> tuple[bytes, str]:
        assert release.wait(5)
        return b"done", "text/plain"

    limits = Limits(large_calls=2)
    with (
        running(tmp_path / "socket", answer, limits) as service,
        contextlib.ExitStack() as stack,
    ):
        clients = [stack.enter_context(service.connect()) for _ in range(3)]
        for client in clients:
            client.sendall(request(b"x" * 20_000))
            time.sleep(0.05)
        assert b"too many long calls at once" in read_to_the_end(clients[2])
        release.set()
        assert read_reply(clients[0]) == read_reply(clients[1]) == b"done"


def test_a_client_that_does_not_wait_for_its_large_call(tmp_path: Path) -> None:
    """Its answer is dropped, and the service goes on."""

    def answer(body: bytes) -> tuple[bytes, str]:
        time.sleep(0.1)
        return b"x" * 1_000_000, "text/plain"

    with running(tmp_path / "socket", answer) as service:
        with service.connect() as client:
            client.sendall(request(b"x" * 20_000))
        time.sleep(0.2)
        with service.connect() as client:
            client.sendall(request(b"x" * 20_000))
            assert len(read_reply(client)) == 1_000_000


def test_stop_waits_for_a_large_call(tmp_path: Path) -> None:
    """A call that a worker has when the service stops is answered."""

    def answer(body: bytes) -> tuple[bytes, str]:
        time.sleep(0.3)
        return b"done", "text/plain"

    with running(tmp_path / "socket", answer) as service, service.connect() as client:
        client.sendall(request(b"x" * 20_000))
        time.sleep(0.1)
        service.server.stop()
        assert read_reply(client) == b"done"
