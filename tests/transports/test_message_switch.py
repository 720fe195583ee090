"""Calls over a message switch: the rules that its recorded conversations teach, one by one."""

import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.played_switch import PlayedSwitch
from tests.support.switch import Switch
from tests.support.waiting import eventually
from xenops_cpu.transports import message_switch
from xenops_cpu.transports.message_switch import MessageSwitch, connection
from xenops_cpu.transports.message_switch.answers import MAX_ANSWERS, MAX_BYTES, Answers
from xenops_cpu.transports.message_switch.client import sender
from xenops_cpu.transports.message_switch.messages import (
    Request,
    SwitchError,
    parse_names,
    parse_poll,
    transfer,
)

QUEUE = message_switch.QUEUE


def failure(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


@contextmanager
def serving(
    path: Path, answer: Callable[[bytes], bytes], token: str | None = None, seconds: float = 30.0
) -> Iterator[MessageSwitch]:
    """A service on the switch at `path`."""
    service = MessageSwitch(path, answer, failure, token=token, poll_seconds=seconds)
    service.start()
    try:
        yield service
    finally:
        service.stop()


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[Switch]:
    made = Switch(tmp_path / "sock")
    yield made
    made.stop()


class Caller:
    """One that sends, looks for its answers later and may send the same call again."""

    def __init__(self, path: Path, name: str = "caller:1") -> None:
        self.name = name
        self._connection = connection.Connection(path)
        self._connection.get(f"/login/{name}")
        self._connection.get(f"/transient/{name}")
        self._connection.get(f"/persistent/{QUEUE}")

    def send(self, payload: str) -> None:
        status, body = self._connection.ask(
            "POST", f"/request/{QUEUE}/{self.name}", payload.encode()
        )
        assert (status, body != b"[]") == (200, True)

    def answers(self, count: int) -> list[str]:
        """At least `count` payloads, the oldest first."""
        end = time.monotonic() + 15
        while time.monotonic() < end:
            poll = json.dumps({"timeout": 0.1, "queues": [self.name]}).encode()
            _, body = self._connection.ask("POST", "/transfer", poll, 1)
            messages = sorted(json.loads(body)["messages"], key=lambda message: message[0][1])
            if len(messages) >= count:
                return [message[1]["payload"] for message in messages]
        raise AssertionError(f"{len(messages)} of {count} answers: {messages}")

    def close(self) -> None:
        self._connection.close()


def test_calls_are_answered_and_acknowledged(switch: Switch) -> None:
    """Each caller gets the answer to its own call, and nothing stays in the queue."""
    with serving(switch.path, lambda body: b"echo:" + body) as service:
        eventually(lambda: service.connected, "log in")
        send = sender(switch.path, QUEUE, 10)
        assert [send(text.encode()) for text in ("a", "", "ü\n")] == [
            b"echo:a", b"echo:", "echo:ü\n".encode(),
        ]  # fmt: skip
        eventually(lambda: not switch.queues[QUEUE], "acks")
    logins = [line for line in switch.log if line.startswith("GET /login/xenops-cpu:")]
    assert len({line for line in logins if "call" not in line}) == 1, "one token"
    assert len([line for line in logins if "call" not in line]) == 2, "two connections"
    answered = switch.log.index(
        next(line for line in switch.log if line.startswith("POST /response/"))
    )
    acked = switch.log.index(f"GET /ack/{QUEUE}/0 200")
    assert answered < acked, "answer, then ack"


def test_waiting_calls_are_taken_by_id(switch: Switch) -> None:
    """Calls that waited for the service are carried out in the order in which they were sent."""
    caller = Caller(switch.path)
    for number in range(12):
        caller.send(f"{number}")
    seen: list[bytes] = []

    def answer(body: bytes) -> bytes:
        seen.append(body)
        return body

    with serving(switch.path, answer):
        assert sorted(caller.answers(12), key=int) == [str(number) for number in range(12)]
    assert seen[0] == b"0"
    assert sorted(seen, key=int) == [b"%d" % number for number in range(12)]
    caller.close()


def test_a_slow_call_holds_up_nobody(switch: Switch) -> None:
    """While one call waits, others are answered."""
    held = threading.Event()

    def answer(body: bytes) -> bytes:
        if body == b"slow":
            held.wait(10)
        return body

    with serving(switch.path, answer) as service:
        eventually(lambda: service.connected, "log in")
        slow = Caller(switch.path)
        slow.send("slow")
        assert sender(switch.path, QUEUE, 10)(b"quick") == b"quick"
        held.set()
        assert slow.answers(1) == ["slow"]
        slow.close()


def test_a_handler_that_fails(switch: Switch, caplog: pytest.LogCaptureFixture) -> None:
    """The caller gets JSON that names the fault, not a text; the service goes on."""

    def answer(body: bytes) -> bytes:
        if body == b"raise":
            raise RuntimeError("boom")
        return body

    with serving(switch.path, answer) as service, caplog.at_level(logging.ERROR):
        eventually(lambda: service.connected, "log in")
        send = sender(switch.path, QUEUE, 10)
        assert json.loads(send(b"raise")) == {"error": "RuntimeError: boom"}
        assert send(b"well") == b"well"
    assert "call 0 failed" in caplog.text


def test_a_call_that_comes_again_is_carried_out_once(switch: Switch) -> None:
    """The connections are cut before the answer: the call comes again, the work is done once."""
    calls: list[bytes] = []

    def answer(body: bytes) -> bytes:
        calls.append(body)
        switch.cut()  # neither answer nor ack can be sent now
        return b"answer %d" % len(calls)

    with serving(switch.path, answer) as service:
        eventually(lambda: service.connected, "log in")
        caller = Caller(switch.path)
        with suppress(SwitchError):  # its connection is cut as well, perhaps too early
            caller.send("once")
        eventually(lambda: calls, "the call")
        caller.close()
        eventually(lambda: not switch.queues[QUEUE], "the ack after logging in again")
        assert calls == [b"once"]
        assert any(line.startswith("POST /response/") for line in switch.log)


def test_a_call_still_in_hand_is_not_begun_again(switch: Switch) -> None:
    """The connections are cut while a call is worked on; its one answer goes over the new ones."""
    calls: list[bytes] = []
    go = threading.Event()

    def answer(body: bytes) -> bytes:
        calls.append(body)
        go.wait(10)
        return b"done"

    with serving(switch.path, answer) as service:
        eventually(lambda: service.connected, "log in")
        caller = Caller(switch.path)
        caller.send("long")
        eventually(lambda: calls, "the call")
        polls = len([line for line in switch.log if line.startswith(f"GET /persistent/{QUEUE}")])
        switch.cut()
        eventually(
            lambda: (
                len([x for x in switch.log if x.startswith(f"GET /persistent/{QUEUE}")]) > polls
            ),
            "the service logs in again",
        )
        time.sleep(0.2)  # the call has come again
        go.set()
        eventually(lambda: not switch.queues[QUEUE], "the ack")
        caller.close()
    assert calls == [b"long"]


class Process:
    """The stand-in as a process of its own, which can be killed."""

    def __init__(self, path: Path, state: Path | None = None) -> None:
        command = [sys.executable, "-m", "tests.support.switch", str(path)]
        self._process = subprocess.Popen(
            [*command, *([str(state)] if state else [])], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def test_the_switch_is_killed_in_the_middle_of_calls(tmp_path: Path) -> None:
    """As configured on hosts nothing is kept: the service comes back by itself.

    Calls that begin anew at id 0 with the same bytes are carried out again, and no answer of the
    old life is sent.
    """
    path = tmp_path / "sock"
    calls: list[bytes] = []
    go = threading.Event()

    def answer(body: bytes) -> bytes:
        calls.append(body)
        if body == b"held":
            go.wait(10)
        return b"%d" % len(calls)

    first = Process(path)
    with serving(path, answer) as service:
        eventually(lambda: service.connected, "log in")
        assert sender(path, QUEUE, 10)(b"same") == b"1"
        caller = Caller(path)
        caller.send("held")  # id 1 of the first life
        eventually(lambda: len(calls) == 2, "the second call")
        first.kill()
        caller.close()
        eventually(lambda: not service.connected, "the loss")
        second = Process(path)
        again = Caller(path, "caller:1")
        again.send("same")  # id 0 of the second life
        again.send("held")  # id 1 again, and the same bytes from the same queue
        assert "3" in again.answers(1)
        go.set()
        assert again.answers(2) == ["3", "4"], "the old life's answer to id 1 is not sent"
        assert calls == [b"same", b"held", b"same", b"held"]
        again.close()
        second.kill()


def test_the_switch_is_restarted_with_its_state_kept(tmp_path: Path) -> None:
    """What was not acknowledged comes again and is answered, and acknowledged once."""
    path, state = tmp_path / "sock", tmp_path / "state"
    first = Process(path, state)
    caller = Caller(path)
    caller.send("kept")
    caller.close()
    first.kill()
    second = Process(path, state)
    seen: list[bytes] = []

    def answer(body: bytes) -> bytes:
        seen.append(body)
        return body

    with serving(path, answer):
        eventually(lambda: json.loads(state.read_text())[QUEUE] == {}, "the ack")
    assert seen == [b"kept"]
    second.kill()


def test_a_switch_that_comes_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service does not need the switch to start; its log says once what it waits for."""
    monkeypatch.setattr(message_switch, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(message_switch, "PAUSE_SECONDS", 0.05)
    path = tmp_path / "sock"
    with caplog.at_level(logging.INFO), serving(path, lambda body: body) as service:
        eventually(lambda: "no message switch at" in caplog.text, "the complaint")
        time.sleep(0.3)  # it tries again and again
        assert not service.connected
        switch = Switch(path)
        eventually(lambda: service.connected, "log in")
        assert sender(path, QUEUE, 10)(b"x") == b"x"
        assert f"serving queue {QUEUE}" in caplog.text
        assert caplog.text.count("no message switch at") == 1
        switch.stop()


def test_stopping_answers_what_is_in_hand(switch: Switch) -> None:
    """stop() ends the wait for calls at once, answers the call in hand and acknowledges it."""
    started, go = threading.Event(), threading.Event()

    def answer(body: bytes) -> bytes:
        started.set()
        go.wait(10)
        return body

    service = MessageSwitch(switch.path, answer, failure)
    service.start()
    caller = Caller(switch.path)
    caller.send("last")
    assert started.wait(10)
    threading.Timer(0.2, go.set).start()
    service.stop()
    assert caller.answers(1) == ["last"]
    eventually(lambda: not switch.queues[QUEUE], "the ack")
    caller.close()


def test_a_caller_that_has_gone(switch: Switch, caplog: pytest.LogCaptureFixture) -> None:
    """Its answer is dropped and its call acknowledged."""
    caller = Caller(switch.path)
    caller.send("alone")
    caller.close()
    eventually(lambda: caller.name not in switch.queues, "the end of its queue")
    with caplog.at_level(logging.INFO), serving(switch.path, lambda body: body):
        eventually(lambda: not switch.queues[QUEUE], "the ack")
    assert "caller:1 has gone" in caplog.text


def test_what_is_no_call_is_acknowledged(switch: Switch) -> None:
    """An answer that somebody sends to a service's queue does not come back for ever."""
    caller = Caller(switch.path)
    caller._connection.ask("POST", f"/response/{QUEUE}/caller:1/0", b"stray")
    caller.send("call")
    with serving(switch.path, lambda body: body):
        assert caller.answers(1) == ["call"]
        eventually(lambda: not switch.queues[QUEUE], "both acks")
    caller.close()


def test_an_answer_the_switch_does_not_take(tmp_path: Path) -> None:
    """With a state directory the switch refuses large answers: the caller is told so instead."""
    refused = []

    class Small(Switch):
        def _put(self, name: str, payload: str, kind: object) -> bytes:
            if len(payload) > 1000:
                refused.append(len(payload))
                raise ValueError
            return super()._put(name, payload, kind)

    switch = Small(tmp_path / "sock")
    with serving(switch.path, lambda body: b"x" * 2000) as service:
        eventually(lambda: service.connected, "log in")
        answer = sender(switch.path, QUEUE, 10)(b"much")
        assert json.loads(answer) == {"error": "the answer is too long"}
    assert refused == [2000]
    switch.stop()


def test_a_backlog_that_no_answer_holds(
    switch: Switch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A queue whose messages are more than may be read is emptied, aloud; then calls go on."""
    monkeypatch.setattr(connection, "MAX_ANSWER_BYTES", 4000)
    caller = Caller(switch.path)
    caller.send("x" * 5000)
    with caplog.at_level(logging.INFO), serving(switch.path, lambda body: body):
        eventually(lambda: caplog.text.count("serving queue") == 2, "a second log in")
        assert "the queue is emptied" in caplog.text
        assert sender(switch.path, QUEUE, 10)(b"y") == b"y"
    caller.close()


def test_a_switch_that_speaks_nonsense(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Answers that are none end the session with a sentence; there is no traceback."""

    class Nonsense(Switch):
        def _transfer(self, wanted: dict[str, object]) -> bytes:
            return b'{"messages": [[1]], "next": 3}'

    switch = Nonsense(tmp_path / "sock")
    with caplog.at_level(logging.WARNING), serving(switch.path, lambda body: body):
        eventually(lambda: "the message switch is lost" in caplog.text, "the complaint")
    assert "expected {" in caplog.text
    assert "Traceback" not in caplog.text
    switch.stop()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("conversation", "numbers", "token"),
    [
        ("01", [1, 2], "echo_server.exe:31909"),
        ("03", [5, 6], "echo_server.exe:693"),
        ("05", [1, 2, 5, 6], "echo_server.exe:910"),
        ("11", [1, 2, 6, 8], "echo_server.exe:1399"),
    ],
)
def test_recorded_conversations(
    tmp_path: Path, conversation: str, numbers: list[int], token: str
) -> None:
    """Played the genuine switch's bytes, the service sends what the genuine service sent."""

    played = PlayedSwitch(tmp_path / "sock", conversation, numbers)

    def answer(body: bytes) -> bytes:
        if conversation == "11":  # the switch dies meanwhile
            eventually(lambda: _done(played), "a poll of the switch's second life")
        return _as_recorded(body)

    with serving(tmp_path / "sock", answer, token):
        eventually(lambda: _done(played), f"{played.unplayed[:2]} {played.faults}")
    played.stop()
    assert played.faults == []


def _as_recorded(body: bytes) -> bytes:
    """What the genuine service's handler answered."""
    if body == b"raise:x":
        return b'Failure("boom")'
    return b"echo:" + body


def _done(played: PlayedSwitch) -> bool:
    """Nothing is left but the log in that the genuine service repeats."""
    return all(line["target"].startswith("/login/") for line in played.unplayed)


def test_polls_as_text() -> None:
    """from is left out where there is none, and is text where there is one."""
    assert transfer("q", None, 30) == b'{"timeout":30.0,"queues":["q"]}'
    assert transfer("q", "7", 1) == b'{"from":"7","timeout":1.0,"queues":["q"]}'
    poll = parse_poll(b'{"messages":[],"next":"-1"}', "q")
    assert (poll.requests, poll.next) == ((), None)
    newest_first = (
        b'{"messages":[[["q",2],{"payload":"c","kind":["Request","r"]}],'
        b'[["q",1],{"payload":"b","kind":["Response",["x",1]]}],'
        b'[["q",0],{"payload":"a","kind":["Request","r"]}]],"next":"2"}'
    )
    poll = parse_poll(newest_first, "q")
    assert poll.requests == (Request(0, "r", b"a"), Request(2, "r", b"c"))
    assert (poll.strays, poll.next) == ((1,), "2")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b'{"messages":5,"next":"1"}', b'{"messages":[]}', b"[" * 100_000,
        b'{"messages":[[["other",0],{"payload":"a","kind":["Request","r"]}]],"next":"0"}',
        b'{"messages":[[["q",true],{"payload":"a","kind":["Request","r"]}]],"next":"0"}', b"\xff",
    ],
)  # fmt: skip
def test_polls_that_cannot_be_read(body: bytes) -> None:
    """Each is a SwitchError that shows what came and what was expected."""
    with pytest.raises(SwitchError, match="expected"):
        parse_poll(body, "q")


def test_names() -> None:
    """Lists of names are read, anything else is none."""
    assert parse_names(b'["a","b c"]') == ["a", "b c"]
    assert parse_names(b'{"a":1}') == parse_names(b"no") == []


@pytest.mark.parametrize("name", ["", "a/b"])
def test_names_that_no_queue_can_have(name: str) -> None:
    """The switch has no such queues, so the service says so at once."""
    with pytest.raises(SwitchError, match="without '/'"):
        MessageSwitch(Path("/nowhere"), lambda body: body, failure, queue=name)


def test_memory_is_bounded() -> None:
    """Old answers are forgotten by number and by size; calls in hand are not."""
    answers = Answers()
    held = Request(0, "r", b"")
    assert answers.begin(held) == (True, None)
    for number in range(1, MAX_ANSWERS + 50):
        request = Request(number, "r", b"x")
        assert answers.begin(request) == (True, None)
        answers.finish(request, b"y")
    assert answers.begin(Request(1, "r", b"x")) == (True, None), "forgotten"
    assert answers.begin(held) == (False, None), "still in hand"
    large = Request(9999, "r", b"x")
    answers.begin(large)
    answers.finish(large, b"z" * (MAX_BYTES + 1))
    assert answers.begin(large) == (True, None), "too large to keep"


def test_the_client_says_why_there_is_no_answer(switch: Switch, tmp_path: Path) -> None:
    """No switch, no service, no answer in time: a sentence each."""
    with pytest.raises(SwitchError, match="no message switch at"):
        sender(tmp_path / "nowhere", QUEUE, 1)(b"x")
    with pytest.raises(SwitchError, match="nobody serves the queue"):
        sender(switch.path, QUEUE, 1)(b"x")
    caller = Caller(switch.path)  # makes the queue, as genuine clients do
    with pytest.raises(SwitchError, match=r"no answer from the queue .* within 0\.2 s"):
        sender(switch.path, QUEUE, 0.2)(b"x")
    caller.close()


def test_a_socket_that_is_no_switch(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Something else at the switch's path is complained of and tried again."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "sock"))
    listener.listen()

    def speak() -> None:
        while True:
            try:
                taken, _ = listener.accept()
            except OSError:
                return
            with taken, suppress(OSError):
                taken.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    threading.Thread(target=speak, daemon=True).start()
    with caplog.at_level(logging.WARNING), serving(tmp_path / "sock", lambda body: body):
        eventually(lambda: "no message switch at" in caplog.text, "the complaint")
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
