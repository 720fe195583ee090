"""What CPUID returns to a guest, and which registers it may read."""

from __future__ import annotations

import pytest

from tests.support.guests import EPYC, ICELAKE, SKYLAKE, domain, featureset
from xenops_cpu.errors import InputError
from xenops_cpu.features.release import release
from xenops_cpu.guests import instruction, msrs, viridian
from xenops_cpu.guests.domain import Domain
from xenops_cpu.guests.instruction import cpuid
from xenops_cpu.guests.libxc import apply
from xenops_cpu.guests.setting import set_policy
from xenops_cpu.guests.spec_ctrl import spec_ctrl_bits
from xenops_cpu.guests.vcpu import CR4_OSXSAVE, CR4_PKE, NOTHING, Surroundings, Vcpu
from xenops_cpu.guests.wishes import Wishes

OSXSAVE, APIC, SYSCALL = 1 << 27, 1 << 9, 1 << 11
NO = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("leaf", "subleaf"), [(0xE, 0), (7, 3), (4, 6), (0xD, 63), (0x80000009, 0), (0xC0000000, 0)]
)
def test_out_of_range_reads_zeros(leaf: int, subleaf: int) -> None:
    """Not the last leaf, as Intel's CPUs do."""
    assert cpuid(domain(SKYLAKE), leaf, subleaf) == NOTHING


def test_without_xsave_there_is_no_leaf_d() -> None:
    """Whatever the highest leaf says."""
    guest, _ = apply(domain(EPYC), Wishes(featureset=featureset(domain(EPYC), without=("XSAVE",))))
    assert guest.table.max_leaf == 0xD
    assert cpuid(guest, 0xD) == NOTHING


def test_apic_ids() -> None:
    """vCPU n has 2n in leaf 1 and, with X2APIC, in leaf bh; a PV guest has 0."""
    third = Vcpu(number=3)
    _, ebx, _, _ = cpuid(domain(), 1, 0, third)
    assert ebx is not None
    assert ebx >> 24 == 6
    assert cpuid(domain(), 0xB, 1, third) == (0, 0, 1, 6)
    _, ebx, _, _ = cpuid(domain(type="pv"), 1, 0, third)
    assert ebx is not None
    assert ebx >> 24 == 0


def test_control_registers_show() -> None:
    """OSXSAVE and OSPKE follow CR4; a PV kernel that asks by the prefix always sees OSXSAVE."""

    def ecx(guest: Domain, leaf: int, vcpu: Vcpu) -> int:
        return cpuid(guest, leaf, 0, vcpu)[2] or 0

    assert not ecx(domain(), 1, Vcpu()) & OSXSAVE
    assert ecx(domain(), 1, Vcpu(cr4=CR4_OSXSAVE)) & OSXSAVE
    assert ecx(domain(type="pv"), 1, Vcpu()) & OSXSAVE
    assert not ecx(domain(type="pv"), 1, Vcpu(forced=False)) & OSXSAVE
    assert ecx(domain(), 7, Vcpu(cr4=CR4_PKE)) & 1 << 4
    assert not ecx(domain(), 7, Vcpu()) & 1 << 4


def test_the_apic_switched_off() -> None:
    """It goes from leaf 1, and from AMD's copy."""
    off = Vcpu(apic=False)
    for leaf in (1, 0x80000001):
        edx = cpuid(domain(EPYC), leaf)[3] or 0
        assert edx & APIC
        assert cpuid(domain(EPYC), leaf, 0, off)[3] == edx & ~APIC
    assert cpuid(domain(type="pv"), 1, 0, off) == cpuid(domain(type="pv"), 1)


def test_syscall_on_intel() -> None:
    """Hidden outside long mode, as Intel's CPUs do."""
    short = Vcpu(long_mode=False)
    assert (cpuid(domain(SKYLAKE), 0x80000001)[3] or 0) & SYSCALL
    assert not (cpuid(domain(SKYLAKE), 0x80000001, 0, short)[3] or 0) & SYSCALL
    assert (cpuid(domain(EPYC), 0x80000001, 0, short)[3] or 0) & SYSCALL


@pytest.mark.parametrize(
    ("xen", "xcr0", "size"),
    [("4.17", None, 576), ("4.19", None, 0), ("4.19", 1, 576), ("4.19", 7, 832), ("4.17", 7, 832)],
)
def test_sizes_of_state(xen: str, xcr0: int | None, size: int) -> None:
    """EBX of leaf dh follows XCR0; before the first XSETBV it differs from release to release."""
    assert cpuid(domain(EPYC, xen), 0xD, 0, Vcpu(xcr0=xcr0))[1] == size
    if xcr0 is not None:
        assert cpuid(domain(EPYC, xen), 0xD, 1, Vcpu(xcr0=xcr0))[1] == size


def test_xens_own_leaves() -> None:
    """The signature, the version, the hypercall page; what is not known beforehand is None."""
    guest = domain(EPYC, "4.17")
    assert cpuid(guest, 0x40000000) == (0x40000005, 0x566E6558, 0x65584D4D, 0x4D4D566E)
    assert cpuid(guest, 0x40000001) == (4 << 16 | 17, 0, 0, 0)
    assert cpuid(guest, 0x40000002) == (1, 0x40000000, 0, 0)
    assert cpuid(domain(EPYC, type="pv"), 0x40000002) == (1, 0x40000000, 1, 0)
    assert cpuid(guest, 0x40000004, 0, Vcpu(number=2)) == (0x5C, 2, None, 0)
    assert cpuid(domain(EPYC, "4.16"), 0x40000004)[0] == 0x1C
    assert cpuid(domain(SKYLAKE), 0x40000004)[0] is None  # VMX's APIC: not in any policy
    assert cpuid(domain(EPYC, type="pv"), 0x40000005)[1] is None
    assert cpuid(guest, 0x40000006) == NOTHING
    assert cpuid(domain(EPYC, "4.22"), 0x40000001)[0] == 4 << 16 | 22
    assert cpuid(domain(EPYC, "xenserver-8"), 0x40000001)[0] == 4 << 16 | 17


@pytest.mark.parametrize(("asked", "limit"), [(0, 5), (1, 2), (3, 3), (9, 5)])
def test_fewer_leaves_of_xen(asked: int, limit: int) -> None:
    """A toolstack may cut them, to two at least."""
    guest = set_policy(domain(EPYC), [((0x40000000, NO), (asked, 0, 0, 0))])
    assert cpuid(guest, 0x40000000)[0] == 0x40000000 + limit
    assert (cpuid(guest, 0x40000004) == NOTHING) is (limit < 4)


def test_the_time_leaf() -> None:
    """As far as it is told."""
    around = Surroundings(vtsc=False, tsc_safe=True, tsc_mode=0, tsc_khz=3000000)
    assert cpuid(domain(EPYC), 0x40000003, 0, None, around) == (6, 0, 3000000, None)
    assert cpuid(domain(EPYC), 0x40000003) == (None, 0, None, None)


def test_viridian_moves_xens_leaves() -> None:
    """Microsoft's are at 40000000h then."""
    xen = release("4.17")
    around = Surroundings(viridian=viridian.parameter(["defaults", "stimer", "!freq"], xen))
    guest = domain(EPYC)
    assert cpuid(guest, 0x40000000, 5, None, around)[0] == 0x40000006
    assert cpuid(guest, 0x40000001, 0, None, around) == (0x31237648, 0, 0, 0)
    assert cpuid(guest, 0x40000002, 0, None, around) == NOTHING
    assert cpuid(guest, 0x40000003, 0, None, around) == (0x7E, 0, 0, 1 << 3 | 1 << 10 | 1 << 17)
    assert cpuid(guest, 0x40000005, 0, None, around)[0] == 0xFFFFFFFF
    assert cpuid(guest, 0x40000006, 0, None, around)[0] == 0xA
    assert cpuid(guest, 0x40000100, 0, None, around)[0] == 0x40000105
    assert cpuid(guest, 0x40000102, 0, None, around) == (1, 0x40000200, 0, 0)
    told = Surroundings(viridian=around.viridian, guest_os_id=1)
    assert cpuid(guest, 0x40000002, 0, None, told) == (0x1772, 6 << 16, 0, 0)
    assert cpuid(guest, 0x40000004, 0, None, told) == (0x28, 2047, 0, 0)


def test_groups_of_viridian() -> None:
    """xl's names, what they stand for, and what is wrong with them."""
    xen = release("4.17")
    assert viridian.parameter([], xen) == 0
    assert viridian.parameter(["base", "freq"], xen) == 1
    assert viridian.parameter(["base"], xen) == 3
    assert viridian.parameter(["base", "stimer"], xen) == 3 | 1 << 2 | 1 << 7 | 1 << 8
    for names, words in ((["freq"], "base is needed"), (["tea"], '"tea" is none of')):
        with pytest.raises(InputError, match=words):
            viridian.parameter(names, xen)
    with pytest.raises(InputError):
        viridian.parameter(["base", "no_vp_limit"], release("4.14"))


def test_everything_a_guest_sees() -> None:
    """Each leaf that is not all zero, once, in ascending order."""
    found = list(instruction.everything(domain(EPYC)))
    keys = [key for key, _ in found]
    assert keys == sorted(set(keys))
    assert (0x40000000, NO) in keys
    assert all(any(register != 0 for register in answer) for _, answer in found)
    with_viridian = instruction.everything(domain(EPYC), None, Surroundings(viridian=1))
    assert (0x40000100, NO) in [key for key, _ in with_viridian]


def test_which_pv_guests_see_the_cpu_itself() -> None:
    """Those on a CPU that cannot fault CPUID; Zen 5 can, which Xen uses from 4.19 on."""
    assert instruction.bare(domain(EPYC, type="pv"))
    assert not instruction.bare(domain(EPYC))
    assert instruction.bare(domain("epyc-9965", "4.18", type="pv"))
    assert not instruction.bare(domain("epyc-9965", "4.19", type="pv"))


# Registers


def reads(guest: Domain, name: str) -> tuple[bool, int | None]:
    return next((r.readable, r.value) for r in msrs.registers(guest) if r.msr.name == name)


def test_registers_follow_the_policy() -> None:
    """By vendor and by feature."""
    assert reads(domain(), "PLATFORM_INFO") == (True, 1 << 31)
    assert reads(domain(EPYC, type="pv"), "PLATFORM_INFO") == (True, 0)
    assert reads(domain(ICELAKE), "ARCH_CAPS") == (True, domain(ICELAKE).table.msrs[0x10A])
    assert reads(domain(EPYC), "ARCH_CAPS") == (False, None)
    assert reads(domain(EPYC), "DE_CFG") == (True, 2)
    assert reads(domain(SKYLAKE), "DE_CFG") == (False, None)
    assert reads(domain(SKYLAKE), "FEATURE_CONTROL") == (True, 1)
    nested, _ = apply(domain(SKYLAKE, nested=True), Wishes(nested=True))
    assert reads(nested, "FEATURE_CONTROL") == (True, 5)
    assert reads(domain(EPYC), "TSX_FORCE_ABORT") == (False, None)


def settable(guest: Domain) -> int:
    return spec_ctrl_bits(guest.policy, guest.hypervisor.release)


def test_bits_of_spec_ctrl() -> None:
    """A stream that has others set is not restored: BHI_DIS_S needs BHI_CTRL in leaf 7."""
    guest = domain(ICELAKE, "4.17")
    assert not settable(domain("core-i7-4930k"))
    assert settable(guest) & 0b111 == 0b111
    with_bhi = domain("xeon-w7-2475x", "4.17")
    assert settable(with_bhi) & 1 << 10
    restored, _ = apply(with_bhi, Wishes(restore=True))
    assert not settable(restored) & 1 << 10
