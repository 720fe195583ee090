"""A service says which microcode its host runs, and what newer one is public."""

from tests.support.hosts import Fixed, evolve, made
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.cpus import shipped
from xenops_cpu.cpus.updates import outdated, outdated_host
from xenops_cpu.hosts.host import Host
from xenops_cpu.service.service import XenopsCpu


def facts(host: Host) -> list[str]:
    query = XenopsCpu(Fixed(host)).query("test")
    return [fact for fact in query.features if fact.startswith("microcode: ")]


def test_what_is_newer_is_said() -> None:
    """The revision, its date, the newest public one, and what that would change."""
    cpu = shipped.find("xeon-silver-4214+2019-05").cpu
    policies = {"raw": Policy(cpu.leaves, cpu.msrs)}
    host = evolve(made(), microcode=cpu.microcode, policies=policies)
    (fact,) = facts(host)
    assert fact == f"microcode: {cpu.microcode:08x}; {outdated(cpu)}"
    assert "05003901 of 2025-05-12 is public" in fact


def test_a_register_that_was_not_read() -> None:
    """An old Xen's raw policy has no ARCH_CAPABILITIES: nothing in it is called new."""
    cpu = shipped.find("xeon-silver-4214+2019-05").cpu
    policies = {"raw": Policy(cpu.leaves, {})}
    (fact,) = facts(evolve(made(), microcode=cpu.microcode, policies=policies))
    assert "RDCL_NO" not in fact
    assert "+ TSX_CTRL" not in fact
    assert fact.endswith("is not known: that register was not read")


def test_a_revision_of_a_cpu_that_is_not_known() -> None:
    """Without a raw policy nobody knows which history it is in."""
    host = evolve(made(), microcode=0x2B)
    assert outdated_host(host) == ""
    assert facts(host) == ["microcode: 0000002b"]


def test_no_revision() -> None:
    """What nobody tells is not said."""
    assert facts(made()) == []
