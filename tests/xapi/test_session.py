"""Logging in, being sent on to the coordinator, ending: over real TLS."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.xapi_server import certificate, http, once, serving
from tests.support.xapi_world import Refused, two_hosts
from xenops_cpu.xapi import url
from xenops_cpu.xapi.credentials import Credentials
from xenops_cpu.xapi.errors import AnswerError, ApiFailure, CertificateError, Unreachable
from xenops_cpu.xapi.http import Timeouts
from xenops_cpu.xapi.session import Session
from xenops_cpu.xapi.tls import Trust

READER = Credentials("reader", 'p<w>&"d')


def session(address: str, trust: Trust | None = None, answer: float = 20.0) -> Session:
    where = url.parse(address)
    return Session(where, READER, trust or Trust(tell=lambda _: None), Timeouts(2.0, answer))


@pytest.mark.parametrize(
    ("version", "status", "path"),
    [("2.0", 0, "/jsonrpc"), ("1.0", 0, "/jsonrpc"), ("", 404, "/"), ("", 501, "/"), ("", 0, "/")],
)
def test_login_and_logout_in_each_protocol(version: str, status: int, path: str) -> None:
    """JSON-RPC where there is, else XML-RPC; a password with every special character."""
    with serving() as xapi:
        xapi.json_version, xapi.json_status = version, status
        with session(xapi.url) as opened:
            assert opened.call("pool.get_all_records")
            assert len(xapi.world.sessions) == 1
        assert xapi.world.sessions == {}
        assert xapi.world.logins == [("reader", 'p<w>&"d', "1.0", "xenops-cpu")]
        assert xapi.calls[-3:] == [
            (path, "session.login_with_password"),
            (path, "pool.get_all_records"),
            (path, "session.logout"),
        ]


def test_logged_out_after_an_error() -> None:
    """Whatever happens inside."""
    with serving() as xapi:
        with pytest.raises(ZeroDivisionError), session(xapi.url):
            raise ZeroDivisionError
        assert len(xapi.world.logouts) == 1


def test_the_logout_that_fails_says_nothing() -> None:
    """The work is done then."""
    with serving() as xapi:
        xapi.odd["session.logout"] = http(b"", "HTTP/1.1 500 Internal Server Error")
        with session(xapi.url) as opened:
            assert opened.call("pool.get_all_records")


def test_over_the_local_socket(tmp_path: Path) -> None:
    """HTTP without TLS on a Unix socket, without a password."""
    world = two_hosts()
    world.passwords["root"] = ""
    path = tmp_path / "xapi"
    with serving(world, path=path):
        where = url.parse(f"xapi://{path}")
        with Session(where, Credentials("root", ""), Trust(tell=pytest.fail)) as opened:
            assert opened.call("pool.get_all_records")


@pytest.mark.parametrize("version", ["1.0", "2.0", ""])
def test_a_wrong_password_is_told_in_words(version: str) -> None:
    """With xapi's code, and without the password."""
    with serving() as xapi:
        xapi.json_version = version
        with (
            pytest.raises(ApiFailure) as caught,
            Session(
                url.parse(xapi.url), Credentials("reader", "hunter2"), Trust(tell=lambda _: None)
            ),
        ):
            pass
    assert caught.value.code == "SESSION_AUTHENTICATION_FAILED"
    assert "the user or the password is wrong (user reader)" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_unknown_failure_is_shown_as_it_is() -> None:
    """Code and parameters, fit for a terminal."""
    failure = ApiFailure("xs1", "SOMETHING_NEW", ["a", "b\x1b[2J"])
    assert str(failure) == "xs1: SOMETHING_NEW, a, b?[2J"
    assert str(ApiFailure("xs1", "UUID_INVALID")) == "xs1: UUID_INVALID"


# --- the coordinator

MEMBER, COORDINATOR = "127.0.0.1", "127.0.0.2"


@pytest.mark.parametrize("version", ["1.0", "2.0", ""])
def test_a_member_sends_on_to_its_coordinator(version: str) -> None:
    """HOST_IS_SLAVE is followed once, to the same port, and everything is asked there."""
    with serving(host=COORDINATOR) as coordinator, serving(port=coordinator.port) as member:
        member.json_version = coordinator.json_version = version
        member.member_of = COORDINATOR
        with session(member.url) as opened:
            assert opened.call("pool.get_all_records")
            assert str(opened.coordinator) == f"{COORDINATOR}:{coordinator.port}"
        assert coordinator.methods[-1] == "session.logout"
        assert not [method for method in member.methods if method.startswith("pool")]


@pytest.mark.parametrize("version", ["2.0", ""])
def test_the_member_vouches_for_the_coordinators_certificate(version: str, tmp_path: Path) -> None:
    """Then nothing needs to be kept of that one, nor asked."""
    context, fingerprint = certificate(1)
    known = tmp_path / "known"
    with (
        serving(host=COORDINATOR, context=context) as coordinator,
        serving(port=coordinator.port) as member,
    ):
        member.json_version = version
        member.member_of, member.thumbprint = COORDINATOR, fingerprint
        trust = Trust(known=known, tell=lambda _: None)
        with session(member.url, trust) as opened:
            assert opened.call("pool.get_all_records")
        assert known.read_text().split() == [f"{MEMBER}:{member.port}", certificate()[1]]
        with session(member.url, Trust(frozenset({certificate()[1]}), tell=pytest.fail)) as opened:
            assert opened.call("pool.get_all_records")


def test_a_coordinator_with_another_certificate_than_its_member_tells() -> None:
    """Refused before the password is sent."""
    with (
        serving(host=COORDINATOR, context=certificate(1)[0]) as coordinator,
        serving(port=coordinator.port) as member,
    ):
        member.member_of, member.thumbprint = COORDINATOR, certificate(2)[1]
        with (
            pytest.raises(CertificateError, match="not the one that the member") as caught,
            session(member.url),
        ):
            pass
        assert coordinator.calls == []
    assert certificate(1)[1] in str(caught.value)
    assert certificate(2)[1] in str(caught.value)


def test_a_thumbprint_that_is_none() -> None:
    """The member's word is not understood: nothing is sent on."""
    with serving() as member:
        member.member_of, member.thumbprint = COORDINATOR, "AB:CD"
        with (
            pytest.raises(AnswerError, match="of its coordinator's certificate"),
            session(member.url),
        ):
            pass


def test_two_members_that_send_on_to_each_other() -> None:
    """Followed once, not for ever."""
    with serving(host=COORDINATOR) as second, serving(port=second.port) as first:
        first.member_of, second.member_of = COORDINATOR, MEMBER
        with pytest.raises(AnswerError, match="is the coordinator of its pool, and that one says"):
            session(first.url).__enter__()
        assert len(first.methods) == len(second.methods) == 1


def test_a_coordinator_where_nobody_answers() -> None:
    """The error names both addresses."""
    with serving() as member:
        member.member_of = "127.0.0.3"
        with pytest.raises(Unreachable) as caught:
            session(member.url).__enter__()
        assert f"127.0.0.3:{member.port}" in str(caught.value)
        assert f"the coordinator, says {MEMBER}:{member.port}" in str(caught.value)


def test_a_coordinator_that_never_says_a_word() -> None:
    """It takes the connection and no more: the time for connections ends it."""
    with socket.socket() as silent, serving() as member:
        silent.bind(("127.0.0.3", member.port))
        silent.listen()
        member.member_of = "127.0.0.3"
        where = url.parse(member.url)
        opened = Session(where, READER, Trust(tell=lambda _: None), Timeouts(0.3, 20))
        with pytest.raises(Unreachable, match=r"no connection within 0\.3 s"):
            opened.__enter__()


def test_a_local_socket_of_a_member(tmp_path: Path) -> None:
    """There is no password to go on with: the error says what to type."""
    world = two_hosts()
    world.passwords["root"] = ""
    path = tmp_path / "xapi"
    with serving(world, path=path) as xapi:
        xapi.member_of = "10.0.0.11"
        opened = Session(url.parse(f"xapi://{path}"), Credentials("root", ""))
        with pytest.raises(AnswerError, match=r"xapi://USER@10\.0\.0\.11"):
            opened.__enter__()


# --- a session that ends


@pytest.mark.parametrize("version", ["1.0", "2.0", ""])
def test_an_ended_session_is_opened_anew_once(version: str) -> None:
    """In the middle of the work, and the new one is logged out."""
    with serving() as xapi:
        xapi.json_version = version
        with session(xapi.url) as opened:
            xapi.world.sessions.clear()
            assert opened.call("pool.get_all_records")
        assert len(xapi.world.logins) == 2
        assert xapi.world.sessions == {}


def test_a_session_that_always_ends() -> None:
    """The second time is told; no password is sent again and again."""
    with serving() as xapi:
        with session(xapi.url) as opened:
            xapi.world.call = refusing(xapi.world.call)  # type: ignore[method-assign]
            with pytest.raises(ApiFailure, match="the session has ended"):
                opened.call("pool.get_all_records")
        assert len(xapi.world.logins) == 2


def refusing(call: Callable[..., object]) -> Callable[..., object]:
    def refused(method: str, parameters: object) -> object:
        if method == "pool.get_all_records":
            raise Refused("SESSION_INVALID", "OpaqueRef:x")
        return call(method, parameters)

    return refused


def test_a_coordinator_that_became_a_member() -> None:
    """In the middle of the work: logged in again, at the new one."""
    with serving(host=COORDINATOR) as new, serving(port=new.port) as old:
        with session(old.url) as opened:
            assert opened.call("pool.get_all_records")
            old.member_of = COORDINATOR
            old.world.call = slave(old.world.call)  # type: ignore[method-assign]
            assert opened.call("host.get_all_records")
            assert opened.coordinator.host == COORDINATOR
        assert new.methods[-1] == "session.logout"


def slave(call: Callable[..., object]) -> Callable[..., object]:
    def refused(_method: str, _parameters: object) -> object:
        raise Refused("HOST_IS_SLAVE", COORDINATOR)

    return refused


def test_a_login_without_a_session() -> None:
    """An answer of another shape is no session."""
    with serving() as xapi:
        xapi.odd["session.login_with_password"] = once(
            http(b'{"jsonrpc":"2.0","result":{},"id":0}')
        )
        with pytest.raises(AnswerError, match=r"gave no session"):
            session(xapi.url).__enter__()
