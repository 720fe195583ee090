"""What libxc makes of a toolstack's wishes, by release, and XenServer's libxc."""

from __future__ import annotations

import errno

import pytest
from attrs import evolve

from tests.support.guests import (
    EPYC,
    ICELAKE,
    SKYLAKE,
    domain,
    featureset,
    hypervisor,
    names,
)
from xenops_cpu.cpuid.slots import CACHES, EXTENDED
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.guests.domain import Domain, Refusal
from xenops_cpu.guests.libxc import apply
from xenops_cpu.guests.setting import create
from xenops_cpu.guests.strings import MsrString, XendLeaf
from xenops_cpu.guests.wishes import Wishes

X = "x" * 32


def applied(guest: Domain, wishes: Wishes | None = None) -> Domain:
    after, refusal = apply(guest, wishes)
    assert refusal is None
    return after


def lppp(guest: Domain) -> int:
    return guest.table.leaf(1)[1] >> 16 & 0xFF


def cores(guest: Domain) -> int:
    return guest.table.leaf(CACHES, 0)[0] >> 26


def test_a_level_does_not_level_arch_caps() -> None:
    """libxc sends leaves, never registers: the guest has this host's default, whatever is given."""
    guest = domain(ICELAKE)
    level = featureset(guest, without=("RFDS_NO",))
    after = applied(guest, Wishes(featureset=level))
    assert after.table.msrs == guest.table.msrs
    assert "RFDS_NO" in names(after)


def test_without_arch_caps_in_cpuid_the_register_is_empty() -> None:
    """The one way to take it away: its bits depend on the feature."""
    guest = domain(ICELAKE)
    after = applied(guest, Wishes(featureset=featureset(guest, without=("ARCH_CAPS",))))
    assert 0x10A not in after.table.msrs


def test_arguments_do_not_count_beside_a_featureset() -> None:
    """pae, itsc and nested are ignored where a featureset is given."""
    guest = domain(nested=True)
    own = featureset(guest)
    after = applied(guest, Wishes(featureset=own, pae=False, itsc=True, nested=True))
    assert {"PAE"} <= names(after)
    assert not {"ITSC", "VMX"} & names(after)
    shown = applied(guest, Wishes(featureset=featureset(guest, "VMX")))
    assert "VMX" in names(shown)


def test_arguments_without_a_featureset() -> None:
    """Then they decide; VMX needs a domain that was created for it."""
    wishes = Wishes(pae=False, itsc=True, nested=True)
    after = applied(domain(nested=True), wishes)
    assert {"ITSC", "VMX"} <= names(after)
    assert "PAE" not in names(after)
    assert "VMX" not in names(applied(domain(), wishes))


@pytest.mark.parametrize("xen", ["4.13", "4.14"])
def test_itsc_by_disable_migrate_in_old_xen(xen: str) -> None:
    """There Xen gives it by the domain's own settings, whatever libxc is asked for."""
    assert "ITSC" in names(applied(domain(xen=xen, migratable=False)))
    assert "ITSC" not in names(applied(domain(xen=xen), Wishes(itsc=True)))


def test_features_beyond_the_words_of_libxc() -> None:
    """A longer featureset is taken if it is zero there, else refused."""
    guest = domain()
    zeros = featureset(guest).extended(25)
    assert applied(guest, Wishes(featureset=zeros))
    after, refusal = apply(guest, Wishes(featureset=Featureset(zeros.bits | 1 << 24 * 32, 25)))
    assert refusal is not None
    assert refusal.errno == errno.EOPNOTSUPP
    assert after is guest


def test_an_empty_featureset_is_one() -> None:
    """A pointer with no words clears every feature but those that cannot be hidden."""
    after = applied(domain(), Wishes(featureset=Featureset()))
    assert names(after) == {"HTT", "FDP_EXCP_ONLY", "NO_FPU_SEL"}


@pytest.mark.parametrize(
    ("xen", "limits"),
    [("4.17", (0, 0x8000001C)), ("4.18", (0, 0x80000021)), ("xenserver-8", (0, 0x80000021))],
)
def test_restoring_from_4_13(xen: str, limits: tuple[int, int]) -> None:
    """A stream without CPUID data: limits as of old, later those of a patched 4.13."""
    after = applied(domain(EPYC, xen), Wishes(restore=True))
    assert (after.table.max_subleaf, after.table.max_extended) == limits


def test_restoring_brings_tsx_back() -> None:
    """Features that are off by default now, and that a VM of 4.13 has seen."""
    assert "HLE" not in names(applied(domain(SKYLAKE)))
    assert {"HLE", "MPX"} <= names(applied(domain(SKYLAKE), Wishes(restore=True)))


def test_topology_is_doubled_for_hvm() -> None:
    """vCPU n has APIC id 2n, so twice as many are told of."""
    guest = domain()
    after = applied(guest)
    assert (lppp(guest), lppp(after)) == (64, 128)
    assert (cores(guest), cores(after)) == (31, 63)
    assert after.table.leaf(CACHES, 0)[0] >> 14 & 0xFFF == 0


@pytest.mark.parametrize(("xen", "count"), [("4.15", 0), ("4.16", 2)])
def test_no_guest_with_no_logical_cpus(xen: str, count: int) -> None:
    """HTT with a count of 0 upset Windows; 4.16 makes 2 of it."""
    host = hypervisor(EPYC, xen)
    default = host.default("hvm").copy()
    default.set(1, ebx=default.leaf(1)[1] & ~0xFF0000)  # as under QEMU, say
    guest = create(evolve(host, tables={**host.tables, "hvm_default": default}))
    assert lppp(guest) == 0
    assert lppp(applied(guest)) == count


def test_amd_topology() -> None:
    """80000008h ECX has the number of cores and the size of the id."""
    guest = domain(EPYC)
    before, after = (each.table.leaf(EXTENDED + 8)[2] for each in (guest, applied(guest)))
    assert after & 0xFF == (before & 0xFF) * 2 + 1
    assert after >> 12 == (before >> 12) + 1


def test_pv_topology_is_the_hosts() -> None:
    """A PV guest that executes CPUID may see the real topology."""
    after = applied(domain(SKYLAKE, type="pv"))
    assert "HTT" in names(after)
    assert lppp(after) == lppp(domain(SKYLAKE, type="pv"))


@pytest.mark.parametrize(("cpu", "legacy"), [(SKYLAKE, False), (EPYC, True)])
def test_cores_per_socket_of_xenserver(cpu: str, legacy: bool) -> None:
    """Twice as many as asked for are told, every other one missing."""
    guest = domain(cpu, "xenserver-8")
    plain = applied(guest)
    assert not {"HTT", "CMP_LEGACY"} & names(plain)
    after = applied(guest, Wishes(cores_per_socket=4))
    assert lppp(after) == 8
    assert ("CMP_LEGACY" in names(after)) is legacy
    if legacy:
        assert after.table.leaf(EXTENDED + 8)[2] & 0xF0FF == 7
    else:
        assert (cores(plain), cores(after)) == (0, 7)


def test_xenserver_8_2_hides_x2apic_beside_nested_virt() -> None:
    """They do not work together there."""
    own = domain(xen="xenserver-8.2")
    assert "X2APIC" in names(applied(own, Wishes(featureset=featureset(own, "X2APIC"))))
    nested = domain(xen="xenserver-8.2", nested=True)
    assert "X2APIC" not in names(applied(nested, Wishes(featureset=featureset(nested, "X2APIC"))))


# Strings of bits


def ecx(text: str) -> XendLeaf:
    return XendLeaf(1, 0xFFFFFFFF, (None, None, text, None))


def test_xend_strings_set_clear_and_reset() -> None:
    """1 and 0 as they say; x is the default policy's bit, k the host's, clamped to the maximum."""
    guest = domain(nested=True)
    vmx = X[:26] + "k" + X[27:]
    after = applied(guest, Wishes(nested=True, xend=(ecx(vmx),)))
    assert "VMX" in names(after)
    plain = applied(guest, Wishes(nested=True, xend=(ecx(X),)))
    assert "VMX" not in names(plain)  # asked for, and reset by an x
    off = applied(guest, Wishes(xend=(ecx("0" + X[1:]),)))
    assert "HYPERVISOR" not in names(off)


@pytest.mark.parametrize(
    ("string", "place"),
    [
        (XendLeaf(0x30, 0xFFFFFFFF, (X, None, None, None)), (0x30, 0xFFFFFFFF)),
        (XendLeaf(7, 0xFFFFFFFF, (X, None, None, None)), (7, 0xFFFFFFFF)),
        (ecx("?" + X[1:]), (1, 0xFFFFFFFF)),
    ],
)
def test_bad_xend_strings(string: XendLeaf, place: tuple[int, int]) -> None:
    """A leaf that is not in all three policies, a character that is none; the rest stays."""
    guest = domain()
    after, refusal = apply(guest, Wishes(xend=(string,)))
    assert refusal is not None
    assert (refusal.errno, refusal.leaf, refusal.subleaf) == (errno.EINVAL, *place)
    assert after.policy == applied(guest).policy


def test_x_was_the_maximum_before_4_16() -> None:
    """So an unnamed bit could bring in what is off by default."""
    leaf = XendLeaf(7, 0, (None, X, None, None))
    assert "HLE" in names(applied(domain(xen="4.15"), Wishes(xend=(leaf,))))
    assert "HLE" not in names(applied(domain(xen="4.16"), Wishes(xend=(leaf,))))


def test_strings_of_registers() -> None:
    """ARCH_CAPS can be changed by them, within the maximum."""
    guest = domain(ICELAKE)
    off = MsrString(0x10A, "x" * 36 + "0" + "x" * 27)
    after = applied(guest, Wishes(msr=(off,)))
    assert "RFDS_NO" in names(guest)
    assert "RFDS_NO" not in names(after)


@pytest.mark.parametrize(
    ("string", "number"),
    [(MsrString(0x10, "x" * 64), errno.ENOENT), (MsrString(0x10A, "s" * 64), errno.EINVAL)],
)
def test_bad_strings_of_registers(string: MsrString, number: int) -> None:
    """Another register, a character that is none."""
    _, refusal = apply(domain(), Wishes(msr=(string,)))
    assert refusal is not None
    assert (refusal.errno, refusal.msr) == (number, string.index)


def test_4_13_sets_each_string_alone() -> None:
    """One that fails does not stop the others, and unnamed registers are the maximum's."""
    guest = domain(xen="4.13")
    strings = (XendLeaf(0x30, 0xFFFFFFFF, (X, None, None, None)), ecx("0" + X[1:]))
    after, refusal = apply(guest, Wishes(xend=strings))
    assert isinstance(refusal, Refusal)
    assert "HYPERVISOR" not in names(after)


def test_a_host_without_hvm_has_no_lists() -> None:
    """The default policies as a toolstack gets them are made once."""
    xen = hypervisor()
    assert xen.default_lists is xen.default_lists
