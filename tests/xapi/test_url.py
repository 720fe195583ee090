"""Addresses of a xapi."""

from pathlib import Path

import pytest

from xenops_cpu.xapi import recognises, url
from xenops_cpu.xapi.errors import UrlError
from xenops_cpu.xapi.url import Url


@pytest.mark.parametrize(
    ("text", "expected", "address"),
    [
        ("xapi://xs1", Url("xs1"), "xs1:443"),
        ("xapi://reader@xs1/", Url("xs1", user="reader"), "xs1:443"),
        (
            "xapi://reader@corp.example@xs1:8443",
            Url("xs1", 8443, "reader@corp.example"),
            "xs1:8443",
        ),
        ("xapi://CORP%5Creader@10.0.0.11", Url("10.0.0.11", user="CORP\\reader"), "10.0.0.11:443"),
        ("xapi://root@[fe80::1]:4443", Url("fe80::1", 4443, "root"), "[fe80::1]:4443"),
        ("/var/lib/xcp/xapi", Url("", socket=Path("/var/lib/xcp/xapi")), "/var/lib/xcp/xapi"),
        ("xapi:///tmp/a%20socket", Url("", socket=Path("/tmp/a socket")), "/tmp/a socket"),
    ],
)
def test_addresses(text: str, expected: Url, address: str) -> None:
    """User, host and port; IPv6 in brackets; sockets by their path."""
    assert recognises(text)
    assert url.parse(text) == expected
    assert url.parse(text).address == address


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("xapi://", "no name of a host"),
        ("xapi://reader@", "no name of a host"),
        ("xapi://xs1:99999", "Port out of range"),
        ("xapi://xs1:web", "could not be cast"),
        ("xapi://xs1/pool", "nothing comes after the host"),
        ("xapi://xs1?x=1", "nothing comes after the host"),
        ("xapi://x s1", "no name of a host"),
        ("xapi://xs1\x1b2J", r"\"xs1\?2j\" is no name of a host"),
        ("xapi://[fe80::1", "Invalid IPv6 URL"),
        ("https://xs1", "no address of a xapi"),
        ("xapi://" + "a" * 300, "no name of a host"),
    ],
)
def test_what_is_no_address(text: str, words: str) -> None:
    """The error says what would be one."""
    with pytest.raises(UrlError, match=words):
        url.parse(text)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    """Every user of the machine can see a command line."""
    with pytest.raises(UrlError, match="leave it out") as caught:
        url.parse("xapi://reader:hunter2@xs1")
    assert "hunter2" not in str(caught.value)


def test_what_is_not_meant_as_an_address() -> None:
    """Files and other sockets are none."""
    assert not recognises("/var/lib/xcp/xenops-cpu")
    assert not recognises("xapi-db.xml")


def test_the_coordinators_address_keeps_port_and_user() -> None:
    """HOST_IS_SLAVE tells a bare address; nonsense in it is refused."""
    typed = url.parse("xapi://reader@xs2:8443")
    assert typed.at("10.0.0.11") == Url("10.0.0.11", 8443, "reader")
    assert typed.at("fe80::2").address == "[fe80::2]:8443"
    with pytest.raises(UrlError):
        typed.at("evil/../")
