"""Certificates: shown and kept at first sight, and the same from then on."""

import stat
from pathlib import Path

import pytest

from tests.support.xapi_server import StandIn, certificate, serving
from xenops_cpu.errors import InputError
from xenops_cpu.xapi import tls, url
from xenops_cpu.xapi.credentials import Credentials
from xenops_cpu.xapi.errors import AnswerError, CertificateError, Unreachable
from xenops_cpu.xapi.http import Timeouts
from xenops_cpu.xapi.session import Session
from xenops_cpu.xapi.tls import Trust, parse_fingerprint

FIRST, SECOND = certificate()[1], certificate(1)[1]


def visit(xapi: StandIn, trust: Trust) -> None:
    where = url.parse(xapi.url)
    with Session(where, Credentials("reader", 'p<w>&"d'), trust, Timeouts(2, 20)) as session:
        session.call("pool.get_all_records")


def test_kept_at_first_sight_and_compared_after(tmp_path: Path) -> None:
    """Shown once, in a file that is this user's alone."""
    said: list[str] = []
    trust = Trust(known=tmp_path / "a" / "known", tell=said.append)
    with serving() as xapi:
        visit(xapi, trust)
        assert len(said) == 1
        assert FIRST in said[0]
        assert str(trust.known) in said[0]
        visit(xapi, trust)
        assert len(said) == 1
        assert trust.known.read_text() == f"127.0.0.1:{xapi.port} {FIRST}\n"
    assert stat.S_IMODE(trust.known.stat().st_mode) == 0o600
    assert stat.S_IMODE(trust.known.parent.stat().st_mode) == 0o700


def test_the_default_file_is_under_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XDG_STATE_HOME, else ~/.local/state; an empty one is none."""
    assert tls.known_file() == tmp_path / "state" / "xenops-cpu" / "known_certificates"
    monkeypatch.setenv("XDG_STATE_HOME", "")
    expected = tmp_path / ".local" / "state" / "xenops-cpu" / "known_certificates"
    assert tls.known_file() == expected


def test_a_changed_certificate_is_refused(tmp_path: Path) -> None:
    """With both fingerprints and the line to remove, and nothing is sent."""
    trust = Trust(known=tmp_path / "known", tell=lambda _: None)
    with serving() as xapi:
        port = xapi.port
        visit(xapi, trust)
    with serving(port=port, context=certificate(1)[0]) as xapi:
        with pytest.raises(CertificateError) as caught:
            visit(xapi, trust)
        assert xapi.calls == []
    for words in ("HAS CHANGED", FIRST, SECOND, f"remove line 1 of {trust.known}"):
        assert words in str(caught.value)


def test_a_certificate_that_changes_in_the_middle(tmp_path: Path) -> None:
    """Each connection is looked at, not only the first of a session."""
    trust = Trust(known=tmp_path / "known", tell=lambda _: None)
    with serving() as xapi:
        where = url.parse(xapi.url)
        with Session(where, Credentials("reader", 'p<w>&"d'), trust) as session:
            xapi.context = certificate(1)[0]
            with pytest.raises(CertificateError, match="HAS CHANGED"):
                session.call("pool.get_all_records")


def test_a_fingerprint_that_was_given() -> None:
    """It decides alone: no file is read or written, and nothing is said."""
    with serving() as xapi:
        visit(xapi, Trust(frozenset({FIRST}), tell=pytest.fail))
        assert not tls.known_file().exists()
        with pytest.raises(CertificateError) as caught:
            visit(xapi, Trust(frozenset({SECOND}), tell=pytest.fail))
    assert f"wanted {SECOND}\n  seen   {FIRST}" in str(caught.value)


def test_insecure_is_said_aloud_once_for_an_address() -> None:
    """Nothing is kept."""
    said: list[str] = []
    with serving() as xapi:
        visit(xapi, Trust(insecure=True, tell=said.append))
    assert len(said) == 1
    assert "NOT checked (--insecure)" in said[0]
    assert FIRST in said[0]
    assert not tls.known_file().exists()


@pytest.mark.parametrize(
    "text",
    [
        FIRST,
        FIRST.lower().replace(":", ""),
        f"sha256 Fingerprint={FIRST}",
        f"SHA256:{FIRST}",
        f"SHA-256: {FIRST}\n",
        f" {FIRST.replace(':', ' ')} ",
    ],
    ids=["as printed", "bare", "openssl", "ssh", "blanks and a line", "pasted"],
)
def test_forms_of_a_fingerprint(text: str) -> None:
    """As openssl prints it, as a bare number, as people paste it."""
    assert parse_fingerprint(text) == FIRST


@pytest.mark.parametrize(
    "text",
    ["", "AB:CD", FIRST + ":00", "SHA1 Fingerprint=" + "AB" * 20],
    ids=["empty", "short", "long", "SHA-1"],
)
def test_what_is_no_fingerprint(text: str) -> None:
    """The error has the command that prints one."""
    with pytest.raises(InputError, match="openssl x509 -noout -fingerprint -sha256"):
        parse_fingerprint(text)


def test_the_known_file_may_have_comments(tmp_path: Path) -> None:
    """And blank lines, and other addresses."""
    with serving() as xapi:
        known = tmp_path / "known"
        known.write_text(f"# by hand\n\nxs9:443 {SECOND}\n127.0.0.1:{xapi.port} {FIRST}\n")
        visit(xapi, Trust(known=known, tell=pytest.fail))


@pytest.mark.parametrize("line", ["127.0.0.1:443", "a b c", "xs1:443 AB:CD", "\xff\xfe"])
def test_a_damaged_known_file_is_no_first_sight(tmp_path: Path, line: str) -> None:
    """It is refused, with the line."""
    known = tmp_path / "known"
    known.write_text(f"# one\n{line}\n", encoding="latin-1")
    with serving() as xapi, pytest.raises(CertificateError, match="known, line 2: not an address"):
        visit(xapi, Trust(known=known))


def test_a_known_file_that_cannot_be_written(tmp_path: Path) -> None:
    """Nothing is sent to somebody who could not be recognised the next time."""
    (tmp_path / "file").write_text("")
    with serving() as xapi, pytest.raises(CertificateError) as caught:
        visit(xapi, Trust(known=tmp_path / "file" / "known"))
    assert "Not a directory" in str(caught.value)


def test_a_known_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """The error says what to do instead."""
    with serving() as xapi, pytest.raises(CertificateError) as caught:
        visit(xapi, Trust(known=Path("/proc/none/known")))
    assert f"If {FIRST} is right, give it with --fingerprint" in str(caught.value)


def test_a_known_file_without_end(tmp_path: Path) -> None:
    """It is not read, nor a device in its place."""
    (tmp_path / "known").write_bytes(b"#" * (2**20 + 1))
    with serving() as xapi, pytest.raises(CertificateError, match="larger than 1 MiB"):
        visit(xapi, Trust(known=tmp_path / "known"))
    with serving() as xapi, pytest.raises(CertificateError, match="it is a device"):
        visit(xapi, Trust(known=Path("/dev/zero")))


def test_plain_http_where_tls_should_be() -> None:
    """Said so, and nothing is sent."""
    with serving(plain=True) as xapi:
        with pytest.raises((AnswerError, Unreachable), match=r"no TLS there|no connection"):
            visit(xapi, Trust())
        assert xapi.calls == []
