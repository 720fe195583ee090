"""HOST.get_domain_policy as callers get it, on both wires: against a stand-in for libxc."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sources.test_xen import bindings, use
from tests.support import fake_xen
from tests.support.hosts import Fixed, example
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.cpuid.words import guest_featureset
from xenops_cpu.interface import Client, DoesNotExist, GuestType, InternalError
from xenops_cpu.service.service import XenopsCpu
from xenops_cpu.sources.xen import XenSource
from xenops_cpu.wire import JSONRPC, XMLRPC
from xenops_cpu.wire.caller import caller
from xenops_cpu.wire.dispatch import answer

__all__ = ["bindings", "use"]


def client(service: XenopsCpu, wire: str) -> Client:
    return Client(caller(lambda body: answer(service, body), wire))


@pytest.fixture(params=[XMLRPC, JSONRPC])
def calls(request: pytest.FixtureRequest) -> Client:
    """A client of a service that answers for the hypervisor of this machine."""
    return client(XenopsCpu(XenSource()), request.param)


def test_a_domain(calls: Client, use: Callable[..., Any], tmp_path: Path) -> None:
    """Its whole policy, with type, UUID and featureset, in words of the host's release."""
    host = example("epyc-xen-4.17")
    policy = host.policies["hvm_default"]
    world = tmp_path / "world"
    fake_xen.world(world, host, {7: policy, 14: policy})
    use(told=f"world={world}")
    found = calls.host_get_domain_policy("x", 7)
    assert (found.domid, found.guest_type, found.release) == (7, GuestType.HVM, "4.17")
    assert found.uuid == "01010101-0101-0101-0101-010101010101"
    assert Policy.parse(found.policy) == policy
    assert found.featureset == str(guest_featureset(policy, host.release))
    assert calls.host_get_domain_policy("x", 14).guest_type is GuestType.PV


@pytest.mark.parametrize("domid", [5, -1, 0x7FF0, 1 << 40])
def test_no_such_domain(calls: Client, use: Callable[..., Any], domid: int) -> None:
    """It is a typed error, as xenopsd has it of a VM, whatever the number is."""
    use()
    with pytest.raises(DoesNotExist) as raised:
        calls.host_get_domain_policy("x", domid)
    assert (raised.value.kind, raised.value.identifier) == ("domain", str(domid))


def test_a_failure(calls: Client, use: Callable[..., Any]) -> None:
    """What the hypervisor refuses is said with its reason."""
    use(told=f"fail=domain_policy:{errno.EPERM}")
    with pytest.raises(InternalError, match="domain 7: xc_cpu_policy_get_domain: "):
        calls.host_get_domain_policy("x", 7)


def test_a_service_for_another_host() -> None:
    """A recorded or simulated host has no domains, whatever runs on this machine."""
    calls = client(XenopsCpu(Fixed(example("epyc-xen-4.17"))), JSONRPC)
    with pytest.raises(InternalError, match="source fixed: it has no domains; a service with"):
        calls.host_get_domain_policy("x", 7)
