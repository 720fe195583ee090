"""Following a pool: tokens, absences, what was missed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.xapi_server import StandIn, http, once, serving
from tests.support.xapi_world import Refused
from xenops_cpu.xapi import events, url
from xenops_cpu.xapi.credentials import Credentials
from xenops_cpu.xapi.errors import AnswerError, ApiFailure
from xenops_cpu.xapi.events import Batch
from xenops_cpu.xapi.http import Timeouts
from xenops_cpu.xapi.session import Session
from xenops_cpu.xapi.tls import Trust


@pytest.fixture(params=["2.0", ""])
def xapi(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A stand-in that speaks one of the protocols, and waits for nothing for long."""
    monkeypatch.setattr(events, "WAIT_SECONDS", 0.05)
    with serving() as stand_in:
        stand_in.json_version = request.param
        yield stand_in


@pytest.fixture
def session(xapi: StandIn) -> Iterator[Session]:
    trust = Trust(tell=lambda _: None)
    credentials = Credentials("reader", 'p<w>&"d')
    with Session(url.parse(xapi.url), credentials, trust, Timeouts(2, 20)) as opened:
        yield opened


def shown(batch: Batch) -> list[tuple[str, str, str]]:
    return [(change.operation, change.kind, change.reference) for change in batch.changes]


def test_first_everything_then_what_changes(xapi: StandIn, session: Session) -> None:
    """All objects of the four classes; then a change with its record, and one that went."""
    batches = events.follow(session)
    first = next(batches)
    assert first.everything
    expected = {
        ("add", kind, reference) for kind in events.CLASSES for reference in xapi.world.tables[kind]
    }
    assert set(shown(first)) == expected
    xapi.world.put("VM", "OpaqueRef:v1", {"power_state": "Paused"})
    second = next(batches)
    assert shown(second) == [("mod", "VM", "OpaqueRef:v1")]
    assert not second.everything
    record = second.changes[0].record
    assert record is not None
    assert record.text("power_state") == "Paused"
    assert "NVRAM" not in record.fields
    xapi.world.remove("VM", "OpaqueRef:v1")
    third = next(batches)
    assert shown(third) == [("del", "VM", "OpaqueRef:v1")]
    assert third.changes[0].record is None


def test_a_quiet_pool_gives_empty_batches(session: Session) -> None:
    """So that the caller has a turn now and then."""
    batches = events.follow(session)
    next(batches)
    assert next(batches) == Batch((), everything=False)


def test_messages_are_not_followed(xapi: StandIn, session: Session) -> None:
    """Classes that were not asked for are passed over, should xapi send them."""
    batches = events.follow(session)
    next(batches)
    answer = xapi.world._since

    def more(since: int, wanted: set[str]) -> list[dict[str, Any]]:
        return answer(since, wanted | {"message"})

    xapi.world._since = more  # type: ignore[method-assign]
    xapi.world.put("message", "OpaqueRef:m", {"uuid": "m"})
    assert next(batches).changes == ()


@pytest.mark.parametrize("code", ["EVENT_FROM_TOKEN_PARSE_FAILURE", "EVENTS_LOST"])
def test_a_token_that_is_not_known_any_more(xapi: StandIn, session: Session, code: str) -> None:
    """Everything is asked for again."""
    batches = events.follow(session)
    next(batches)
    xapi.world.call = failing(xapi.world.call, "event.from", code)  # type: ignore[method-assign]
    again = next(batches)
    assert again.everything
    assert len(again.changes) > 10


def failing(call: Callable[..., object], method: str, *failure: str) -> Callable[..., object]:
    """Fails once."""
    left = [failure]

    def one(name: str, parameters: object) -> object:
        if name == method and left:
            raise Refused(*left.pop())
        return call(name, parameters)

    return one


def test_a_deletion_that_was_missed(xapi: StandIn, session: Session) -> None:
    """The counts tell: what is gone is not among everything."""
    batches = events.follow(session)
    next(batches)
    xapi.world.remove("host", "OpaqueRef:h1")
    xapi.world.forget_deletions()
    assert next(batches) == Batch((), everything=False)
    again = next(batches)
    assert again.everything
    assert ("add", "host", "OpaqueRef:h1") not in shown(again)
    assert not next(batches).everything


def test_counts_that_never_agree(xapi: StandIn, session: Session) -> None:
    """Do not make it ask for everything for ever."""
    answer = xapi.world._events

    def other(*arguments: object) -> dict[str, object]:
        found = answer(*arguments)  # type: ignore[arg-type]
        found["valid_ref_counts"]["vm"] += 7
        return found

    xapi.world._events = other  # type: ignore[method-assign, assignment]
    batches = events.follow(session)
    assert [next(batches).everything for _ in range(4)] == [True, False, False, False]


def test_xapi_goes_away_and_comes_back(xapi: StandIn, session: Session) -> None:
    """It is waited for, longer each time; the token and the session are found again."""
    waits: list[tuple[str, float]] = []
    pauses: list[float] = []
    batches = events.follow(session, lambda error, s: waits.append((str(error), s)), pauses.append)
    next(batches)
    xapi.odd["event.from"] = times(
        3, http(b"", "HTTP/1.1 503 Service Unavailable"), xapi.world.sessions.clear
    )
    xapi.world.put("VM", "OpaqueRef:v1", {"power_state": "Paused"})
    batch = next(batches)
    assert not batch.everything
    assert ("mod", "VM", "OpaqueRef:v1") in shown(batch)
    assert pauses == [1.0, 2.0, 4.0]
    assert "HTTP 503 Service Unavailable" in waits[0][0]
    assert len(xapi.world.logins) == 2


def times(count: int, odd: Callable[..., bool], then: Callable[[], None]) -> Callable[..., bool]:
    left = [count]

    def some(handler: object) -> bool:
        left[0] -= 1
        if left[0] == -1:
            then()
        return left[0] >= 0 and odd(handler)

    return some


def test_pauses_have_an_end(xapi: StandIn, session: Session) -> None:
    """A minute at most."""
    pauses: list[float] = []
    xapi.odd["event.from"] = times(9, http(b"", "HTTP/1.1 502 Bad Gateway"), lambda: None)
    next(events.follow(session, pause=pauses.append))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_xapi_that_is_starting(xapi: StandIn, session: Session) -> None:
    """HOST_STILL_BOOTING is waited for as well."""
    pauses: list[float] = []
    xapi.world.call = failing(  # type: ignore[method-assign]
        xapi.world.call, "event.from", "HOST_STILL_BOOTING"
    )
    assert next(events.follow(session, pause=pauses.append)).everything
    assert pauses == [1.0]


def test_what_waiting_does_not_help(xapi: StandIn, session: Session) -> None:
    """A role, a certificate, an answer of another shape end it."""
    xapi.world.call = failing(  # type: ignore[method-assign]
        xapi.world.call, "event.from", "RBAC_PERMISSION_DENIED", "event.from", ""
    )
    with pytest.raises(ApiFailure, match=r"does not allow event\.from"):
        next(events.follow(session))
    for result in (b'"x"', b"{}", b'{"token":""}'):
        body = b'{"jsonrpc":"2.0","result":' + result + b',"id":0}'
        if xapi.json_version:
            xapi.odd["event.from"] = once(http(body))
            with pytest.raises(AnswerError, match=r"event\.from gave no"):
                next(events.follow(session))


def test_damaged_events_are_passed_over(xapi: StandIn, session: Session) -> None:
    """What is no event of a known class and operation, or has no record."""
    good = xapi.world._since

    def odd(generation: int, wanted: set[str]) -> list[object]:
        first = good(generation, wanted)[0]
        wrong: list[dict[str, object]] = [{"operation": "frob"}, {"class": "SR"}]
        wrong += [{"snapshot": {}}, {"operation": 1}]
        return ["x", {}, *({**first, **change} for change in wrong), first]

    xapi.world._since = odd  # type: ignore[method-assign, assignment]
    assert len(next(events.follow(session)).changes) == 1
