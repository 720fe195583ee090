"""Creating domains, and setting policies: what Xen refuses, and where it says the fault is."""

from __future__ import annotations

import errno

import pytest

from tests.support.guests import EPYC, ICELAKE, SKYLAKE, domain, hypervisor, names
from xenops_cpu.cpuid.policy import NO_SUBLEAF
from xenops_cpu.guests.domain import NOT_THERE, Config, Refusal
from xenops_cpu.guests.hypervisor import Build
from xenops_cpu.guests.setting import Leaf, Msr, create, entries, set_policy

NO = NO_SUBLEAF
INTEL_0 = (0x756E6547, 0x6C65746E, 0x49656E69)


@pytest.mark.parametrize(
    ("config", "build", "number"),
    [
        (Config(hap=True), Build(), None),
        (Config(type="pv", vpmu=True), Build(), errno.EINVAL),
        (Config(hap=False, nested=True), Build(), errno.EINVAL),
        (Config(type="pv", nested=True), Build(), errno.EINVAL),
        (Config(hap=False), Build(shadow=False), errno.EOPNOTSUPP),
        (Config(type="pv32"), Build(pv32=False), errno.EOPNOTSUPP),
    ],
)
def test_which_domains_are_created(config: Config, build: Build, number: int | None) -> None:
    """Xen's own checks, with its error numbers."""
    xen = hypervisor(build=build)
    if number is None:
        assert create(xen, config).policy
        return
    with pytest.raises(Refusal) as refused:
        create(xen, config)
    assert refused.value.errno == number
    assert refused.value.place == ""


def test_shadow_is_refused_sooner_from_4_22_on() -> None:
    """The same fault has another number there."""
    with pytest.raises(Refusal) as refused:
        create(hypervisor(xen="4.22", build=Build(shadow=False)), Config(hap=False))
    assert refused.value.errno == errno.EINVAL


def test_no_hvm_no_domain() -> None:
    """A CPU without SVM runs PV guests only."""
    with pytest.raises(Refusal, match="no HVM"):
        create(hypervisor("opteron-165"), Config())
    assert create(hypervisor("opteron-165"), Config(type="pv")).policy


@pytest.mark.parametrize(
    ("leaves", "msrs", "number", "place"),
    [
        ([((0xE, NO), (1, 0, 0, 0))], [], errno.ERANGE, (0xE, NO, NOT_THERE)),
        ([((4, NO), (1, 0, 0, 0))], [], errno.ERANGE, (4, NO, NOT_THERE)),
        ([((1, 0), (1, 0, 0, 0))], [], errno.ERANGE, (1, 0, NOT_THERE)),
        ([((7, 3), (1, 0, 0, 0))], [], errno.ERANGE, (7, 3, NOT_THERE)),
        ([((2, NO), (0, 0, 0, 0))] * 200, [], errno.E2BIG, (NOT_THERE,) * 3),
        ([], [Msr(0xCE, 0, 1)], errno.EINVAL, (NOT_THERE, NOT_THERE, 0xCE)),
        ([], [Msr(0xCE, 1 << 32)], errno.EOVERFLOW, (NOT_THERE, NOT_THERE, 0xCE)),
        ([], [Msr(0x10, 1)], errno.ERANGE, (NOT_THERE, NOT_THERE, 0x10)),
        ([], [Msr(0xCE, 0)] * 3, errno.E2BIG, (NOT_THERE,) * 3),
        ([((0, NO), (0xE, *INTEL_0))], [], errno.EINVAL, (0, NO, NOT_THERE)),
        ([((7, 0), (3, 0, 0, 0))], [], errno.EINVAL, (7, 0, NOT_THERE)),
        ([((0x80000000, NO), (0x80000009, 0, 0, 0))], [], errno.EINVAL,
         (0x80000000, NO, NOT_THERE)),
    ],
)  # fmt: skip
def test_what_xen_refuses(
    leaves: list[Leaf], msrs: list[Msr], number: int, place: tuple[int, int, int]
) -> None:
    """The first bad entry, or the first limit beyond the maximum; the domain stays as it was."""
    guest = domain()
    with pytest.raises(Refusal) as refused:
        set_policy(guest, leaves, msrs)
    found = refused.value
    assert (found.errno, (found.leaf, found.subleaf, found.msr)) == (number, place)
    assert str(found).startswith(errno.errorcode[number])


def test_a_pv_guest_may_not_fault_cpuid_where_the_cpu_cannot() -> None:
    """MSR ceh is compared bit by bit; HVM guests have it emulated."""
    with pytest.raises(Refusal) as refused:
        set_policy(domain(EPYC, type="pv"), [], [Msr(0xCE, 1 << 31)])
    assert refused.value.msr == 0xCE
    assert set_policy(domain(EPYC), [], [Msr(0xCE, 1 << 31)])


def test_limits_that_count_by_release() -> None:
    """From Ice Lake to Cascade Lake: refused up to 4.16 for leaf 7's limit, taken from 4.17 on."""
    leaf = [((7, 0), (1, 0, 0, 0))]
    with pytest.raises(Refusal) as refused:
        set_policy(domain(xen="4.16"), leaf)
    assert (refused.value.leaf, refused.value.subleaf) == (7, 0)
    assert set_policy(domain(xen="4.17"), leaf)
    assert set_policy(domain(xen="4.14"), leaf)  # which does not look at it


def test_another_vendor_is_refused_from_4_22_on_only() -> None:
    """Before, Xen makes what it can of an AMD policy on Intel."""
    stream = entries(domain(EPYC, "4.21").policy)
    moved = set_policy(domain(SKYLAKE, "4.21"), *stream)
    assert moved.table.vendor == "AuthenticAMD"
    with pytest.raises(Refusal, match="AuthenticAMD") as refused:
        set_policy(domain(SKYLAKE, "4.22"), *stream)
    assert (refused.value.errno, refused.value.leaf) == (errno.EINVAL, 0)


def test_features_are_never_refused() -> None:
    """What the host does not offer is cleared without a word."""
    guest = domain(SKYLAKE)
    after = set_policy(guest, [((1, NO), (0, 0, 0xFFFFFFFF, 0xFFFFFFFF))])
    assert "VMX" not in names(after)
    assert "SMX" not in names(after)
    assert "AVX" not in names(after)  # GDS: Xen hides it on this CPU
    assert names(guest) <= names(after)


def test_a_limit_lowered_and_raised_loses_leaves() -> None:
    """What a limit puts out of range is gone for good."""
    low = set_policy(domain(), [((0, NO), (1, *INTEL_0))])
    assert "XSAVE" not in names(low)
    again = set_policy(low, [((0, NO), (0xD, *INTEL_0))])
    assert again.table.leaf(2) == (1, 0, 0, 0)  # what Xen writes there itself
    assert "SMEP" not in names(again)


def test_the_trap_of_the_highest_leaf() -> None:
    """ffffffffh wraps round: all basic leaves are lost, and Xen takes it."""
    after = set_policy(domain(EPYC), [((0, NO), (0xFFFFFFFF, 1, 2, 3))])
    assert not any(after.table.leaf(0))
    assert names(after) & {"FPU", "SSE"} == set()


def test_a_whole_policy_as_a_stream_sets_it() -> None:
    """A domain that takes its own policy in stays what it was."""
    guest = domain(ICELAKE)
    assert set_policy(guest, *entries(guest.policy)).policy == guest.policy


def test_hypervisor_leaves_keep_eight_bits() -> None:
    """Only EAX counts there, and only its low byte."""
    after = set_policy(domain(), [((0x40000000, NO), (0x103, 1, 2, 3))])
    assert after.policy.leaf(0x40000000) == (3, 0, 0, 0)


def test_every_change_has_a_step() -> None:
    """The record tells of the entries given, what was trimmed and what Xen made of it."""
    after = set_policy(domain(), [((0, NO), (1, *INTEL_0))])
    steps = {change.step for change in after.changes}
    assert {"set.given", "set.trim", "recalc.xsave", "misc.intel"} <= steps
