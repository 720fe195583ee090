"""Live domains: through the real binding, against a stand-in for libxc."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from tests.sources.test_xen import bindings, use
from tests.support import fake_xen
from xenops_cpu.cpuid.policy import NO_SUBLEAF
from xenops_cpu.sources import domain, libxc_errors

__all__ = ["bindings", "use"]


@pytest.mark.slow
@pytest.mark.parametrize("release", [r for r in fake_xen.RELEASES if r != "4.7"])
def test_all_domains(use: Callable[..., Any], release: str) -> None:
    """Each with id, uuid, type and its own policy, empty leaves as well; who is going is left."""
    use(release, "domains=5")
    found = domain.read()
    assert [(one.info.domid, one.kind) for one in found] == [
        (0, "pv"), (7, "hvm"), (14, "pv"), (28, "pv"),
    ]  # fmt: skip
    assert found[1].info.uuid == "01010101-0101-0101-0101-010101010101"
    assert [one.policy.leaf(0)[3] for one in found] == [0x100, 0x107, 0x10E, 0x11C]
    assert list(found[0].policy.leaves) == [(0, NO_SUBLEAF), (2, NO_SUBLEAF), (7, 1)]
    assert found[0].policy.msrs == {0x10A: 0x123456789ABCDEF0}


def test_named_domains(use: Callable[..., Any]) -> None:
    """In the order they are asked for."""
    use(told="domains=3")
    assert [one.info.domid for one in domain.read([14, 0])] == [14, 0]


def test_many_domains(use: Callable[..., Any]) -> None:
    """More than one call gives: all of them, each once."""
    use(told="domains=600")
    assert [one.info.domid for one in domain.read()] == [7 * n for n in range(600) if n != 3]


def test_no_such_domain(use: Callable[..., Any]) -> None:
    """It is told by its id, with the command that lists them."""
    use()
    with pytest.raises(domain.NoSuchDomain, match="there is no domain 5; xl list"):
        domain.read([0, 5])


def test_a_domain_that_goes_meanwhile(use: Callable[..., Any]) -> None:
    """Asked for by name it is missed; among all it is left out."""
    use(told="gone=7")
    assert [one.info.domid for one in domain.read()] == [0, 14]
    with pytest.raises(domain.NoSuchDomain, match="there is no domain 7"):
        domain.read([7])


@pytest.mark.parametrize(
    ("call", "error", "kind"),
    [
        ("xc_domain_getinfolist", errno.EPERM, libxc_errors.NotDom0),
        ("domain_policy", errno.EACCES, libxc_errors.ReleaseMismatch),
        ("domain_policy", errno.EINVAL, libxc_errors.CallFailed),
        ("policy_size", errno.ENOSYS, libxc_errors.CallUnsupported),
    ],
)
def test_failures(
    use: Callable[..., Any], call: str, error: int, kind: type[libxc_errors.XenError]
) -> None:
    """Each is an error with its reason; the handle is closed."""
    use(told=f"fail={call}:{error}")
    with pytest.raises(kind) as raised:
        domain.read()
    if call == "domain_policy":
        assert "xc_cpu_policy_get_domain" in str(raised.value)


def test_interrupted(use: Callable[..., Any]) -> None:
    """A signal is no failure: the call is tried again."""
    use(told=f"fail=domain_policy:{errno.EINTR}:3")
    assert len(domain.read()) == 3


@pytest.mark.slow
def test_a_libxc_without_policies(use: Callable[..., Any]) -> None:
    """Xen 4.11 and older cannot tell."""
    use("4.7")
    with pytest.raises(libxc_errors.CallUnsupported, match=r"4\.12 and later"):
        domain.read()
