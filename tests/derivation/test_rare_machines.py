"""Steps that no CPU of the golden selection takes: odd dumps, and options that few people give."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.golden_derivation import record
from xenops_cpu.cpuid.cpu import Cpu
from xenops_cpu.cpuid.identity import REGISTERS, LeafKey
from xenops_cpu.derivation import DERIVED_RELEASES, Derivation, Machine, Options, derive, reasons_of
from xenops_cpu.derivation.cmdline import parse_cmdline
from xenops_cpu.derivation.releases import span
from xenops_cpu.derivation.smt import siblings
from xenops_cpu.features.release import release

SKYLAKE = "inst-genuineintel0050654-skylakexeon+2017"
CASCADE_LAKE = "inst-genuineintel0050657-cascadelakexeon+2019-11"
KABY_LAKE = "inst-genuineintel00906e9-kabylake+2021-06"
ROME = "inst-authenticamd0830f10-k17-rome-cpuid6"
ARCH_CAPS, FORCE_ABORT, DE_CFG = 0x10A, 0x10F, 0xC0011029


def cpu_of(name: str) -> Cpu:
    return record(name).cpu


def changed(cpu: Cpu, leaf: LeafKey, register: str, clear: int, set_: int = 0) -> Cpu:
    """The CPU with bits of one register cleared, then others set."""
    registers = list(cpu.leaf(*leaf))
    place = REGISTERS.index(register)
    registers[place] = registers[place] & ~clear | set_
    eax, ebx, ecx, edx = registers
    return evolve(cpu, leaves={**cpu.leaves, leaf: (eax, ebx, ecx, edx)})


def derived(cpu: Cpu, xen: str = "4.17", cmdline: str = "", **machine: object) -> Derivation:
    return derive(cpu, release(xen), Options(cmdline=cmdline, machine=Machine(**machine)))  # type: ignore[arg-type]


def names(derivation: Derivation, name: str) -> set[str]:
    featureset = derivation.featuresets[name]
    assert featureset is not None
    return set(derivation.release.names(featureset))


def last_text(derivation: Derivation, name: str, feature: str) -> str:
    number = derivation.release.features[feature].number
    return reasons_of(derivation, name, number)[-1].text


def test_nolapic_takes_the_apic_away() -> None:
    """nolapic clears APIC and what depends on it; without the option it stays."""
    cpu = cpu_of(SKYLAKE)
    assert {"APIC", "X2APIC", "TSC_DEADLINE"} <= names(derived(cpu), "host")
    without = derived(cpu, cmdline="nolapic")
    assert not {"APIC", "X2APIC"} & names(without, "host")
    assert "forbids the local APIC" in last_text(without, "host", "APIC")


def test_lapic_switches_the_apic_on() -> None:
    """lapic forces APIC where firmware left it off; of the two options the later one counts."""
    off = changed(cpu_of(SKYLAKE), (1, 0), "edx", 1 << 9)
    assert "APIC" not in names(derived(off), "host")
    assert "APIC" in names(derived(off, cmdline="lapic"), "host")
    assert not parse_cmdline("lapic nolapic", release("4.17")).lapic
    assert parse_cmdline("nolapic lapic", release("4.17")).lapic


def test_an_item_that_concerns_no_featureset() -> None:
    """The retrofit's table has doitm, which is a register of dom0's: nothing here changes by it."""
    xen = release("xenserver-8.2-retrofit")
    options = parse_cmdline("cpuid=no-doitm", xen)
    assert not options.cpuid
    assert not options.malformed
    assert options.avx512 is None


@pytest.mark.parametrize(
    ("msrs", "virtual", "dispatches"),
    [({}, False, True), ({}, True, False), ({DE_CFG: 2}, True, True), ({DE_CFG: 0}, True, False)],
)
def test_lfence_in_a_virtual_machine(msrs: dict[int, int], virtual: bool, dispatches: bool) -> None:
    """DE_CFG is believed where it is known; in a VM it cannot be written, on metal it can."""
    cpu = changed(cpu_of(ROME), (0x80000021, 0), "eax", 1 << 2).with_msrs(msrs)
    cpu = changed(cpu, (1, 0), "ecx", 1 << 31, (1 << 31) * virtual)
    assert ("LFENCE_DISPATCH" in names(derived(cpu), "host")) is dispatches


def test_a_span_that_names_no_build() -> None:
    """A build that does not exist is a mistake in a step, and is named."""
    with pytest.raises(ValueError, match=r"4\.17\.9-9 is no build of xenserver-8 that is known"):
        span("xs8/4.17.9-9")


def test_threads_of_an_amd_without_topoext() -> None:
    """Without TOPOEXT in the host set Xen counts one thread a core."""
    rome = cpu_of(ROME)
    counted = [siblings(rome, host, htt=0, cmp_legacy=0, topoext=1) for host in (0, 1)]
    assert counted == [1, 2]


def test_legacy_ssbd_where_the_apic_id_has_too_few_bits() -> None:
    """On Zen 1 the threads of a core share LS_CFG's bit, and Xen counts cores by APIC ID."""
    zen = changed(cpu_of(ROME), (0x80000008, 0), "ebx", 0x3F << 20)
    wide = changed(zen, (0x80000008, 0), "ecx", 0xF000, 0x7000)
    narrow = changed(zen, (0x80000008, 0), "ecx", 0xF000)
    assert "VIRT_SSBD" in names(derived(wide), "hvm_max")
    assert "VIRT_SSBD" not in names(derived(narrow), "hvm_max")


def test_gds_locked_by_firmware() -> None:
    """Where firmware has locked MCU_OPT_CTRL, its bit decides, not the command line."""
    ctrl, no_gds = 0x123, "spec-ctrl=no-gds-mit"
    cpu = cpu_of(CASCADE_LAKE)
    caps = cpu.msrs[ARCH_CAPS] | 1 << 25
    locked_on = cpu.with_msrs({ARCH_CAPS: caps, ctrl: 1 << 5})
    locked_off = cpu.with_msrs({ARCH_CAPS: caps, ctrl: 1 << 5 | 1 << 4})
    assert "CLWB" not in names(derived(locked_on, cmdline=no_gds), "pv_default")
    assert "AVX" in names(derived(locked_on, cmdline=no_gds), "host")
    assert names(derived(locked_off), "host") == names(derived(locked_off, cmdline=no_gds), "host")


@pytest.mark.parametrize("name", [KABY_LAKE, CASCADE_LAKE, ROME])
@pytest.mark.parametrize("xen", DERIVED_RELEASES)
def test_a_feature_is_forced_once(name: str, xen: str) -> None:
    """The record of the derivation names one step that forces a feature, for one it has."""
    steps: dict[int, str] = {}
    for change in derived(cpu_of(name), xen).changes:
        if change.set == "forced":
            assert change.added
            assert change.added not in steps, (steps, change)
            steps[change.added] = change.step


def test_psr_without_a_leaf_to_control_it() -> None:
    """psr=cat on a CPU that shows PQE but has no leaf 10h: PQE goes, and the story says why."""
    cpu = changed(cpu_of(SKYLAKE), (0, 0), "eax", 0xFFFF, 0xD)
    assert "PQE" in names(derived(cpu), "host")
    without = derived(cpu, cmdline="psr=cat")
    assert "PQE" not in names(without, "host")
    assert "no leaf to control cache allocation" in last_text(without, "host", "PQE")


@pytest.mark.parametrize("cmdline", ["", "tsx=0", "tsx=1"])
def test_microcode_that_shows_rtm_always_abort_and_faults(cmdline: str) -> None:
    """RTM_ALWAYS_ABORT beside an empty TSX_FORCE_ABORT is not believed, whatever tsx= says."""
    cpu = changed(cpu_of(KABY_LAKE), (7, 0), "edx", 0, 1 << 11 | 1 << 13)
    host = names(derived(cpu.with_msrs({FORCE_ABORT: 0}), cmdline=cmdline), "host")
    assert not {"RTM_ALWAYS_ABORT", "TSX_FORCE_ABORT"} & host


def test_an_emulator_drops_the_write_that_hides_rtm() -> None:
    """Where registers are inert, CPUID goes on showing what it showed, whatever Xen wrote."""
    cpu = changed(cpu_of(KABY_LAKE), (7, 0), "ebx", 0, 1 << 11)
    cpu = changed(cpu, (7, 0), "edx", 1 << 11, 1 << 13)
    real = derived(cpu.with_msrs({FORCE_ABORT: 2}), "4.18", "tsx=1")
    inert = derived(cpu, "4.18", "tsx=1", registers="inert")
    assert "RTM" in names(real, "host")
    assert "RTM" in names(inert, "host")


@pytest.mark.parametrize(
    ("xen", "cmdline", "fb_clear", "stays"),
    [
        ("4.14", "smt=0", False, False),
        ("4.14", "smt=0 spec-ctrl=md-clear", False, True),
        ("4.14", "spec-ctrl=md-clear", False, False),
        ("4.17", "smt=0 spec-ctrl=md-clear", False, False),
        ("4.17", "smt=0 spec-ctrl=unpriv-mmio", False, False),
        ("4.17", "smt=0 spec-ctrl=unpriv-mmio", True, True),
        ("4.17", "spec-ctrl=unpriv-mmio", True, False),
        ("xenserver-8", "smt=0 spec-ctrl=verw", False, True),
        ("xenserver-8", "spec-ctrl=verw", False, False),
    ],
)
def test_tsx_stays_where_buffers_are_scrubbed(
    xen: str, cmdline: str, fb_clear: bool, stays: bool
) -> None:
    """Against TAA Xen switches TSX off, unless it scrubs when idle and no second thread runs."""
    cpu = cpu_of(CASCADE_LAKE)
    cpu = cpu.with_msrs({ARCH_CAPS: cpu.msrs[ARCH_CAPS] | fb_clear << 17})
    assert ("RTM" in names(derived(cpu, xen, cmdline), "pv_default")) is stays


def test_a_leaf_that_the_release_does_not_read() -> None:
    """The retrofit has a word for leaf 80000021h and leaves it empty: no story blames the CPU."""
    xen = release("xenserver-8.2-retrofit")
    cpu = changed(cpu_of(ROME), (0x80000000, 0), "eax", 0xFFFF, 0x21)
    cpu = evolve(cpu, leaves={**cpu.leaves, (0x80000021, 0): (0x44, 0, 0, 0)})
    number = next(word.index for word in xen.words if word.leaf == 0x80000021) * 32 + 2
    text = reasons_of(derive(cpu, xen), "host", number)[0].text
    assert text == f"{xen.title} does not read CPUID 0x80000021.eax, whatever it says"
    shown = reasons_of(derive(cpu, release("4.17")), "raw", number)[0].text
    assert shown == "the CPU has it: CPUID 0x80000021.eax bit 2 is 1"


def test_leaf_1_beyond_the_maximum() -> None:
    """A CPU that announces no leaf 1 has it all the same for Xen's boot, and not in the raw set."""
    derivation = derived(changed(cpu_of(ROME), (0, 0), "eax", 0xFFFF))
    assert "FPU" in names(derivation, "host")
    assert "FPU" not in names(derivation, "raw")
    assert last_text(derivation, "raw", "FPU") == (
        "this release does not read that leaf into the raw set"
    )


def test_extended_leaves_that_are_not_announced() -> None:
    """Without 8000h in the maximum's high half, raw has the extended words and host has not."""
    derivation = derived(changed(cpu_of(ROME), (0x80000000, 0), "eax", 0xFFFF0000))
    assert "SVM" in names(derivation, "raw")
    assert "SVM" not in names(derivation, "host")
    assert last_text(derivation, "host", "SVM") == (
        "the maximum of the extended leaves does not announce them with 8000h"
    )


def test_what_two_causes_took_is_told_by_the_first() -> None:
    """SEP goes from an AMD host for HVM's sake before the command line's wish is carried out."""
    derivation = derived(cpu_of(ROME), cmdline="cpuid=no-sep")
    number = derivation.release.features["SEP"].number
    told = [reason.step for reason in reasons_of(derivation, "host", number)]
    assert told[:2] == ["silicon", "host.amd-sep"]
    assert "SEP" not in names(derivation, "host")


def test_a_deadline_timer_without_long_mode() -> None:
    """From 4.21 on the timer's erratum is looked at on 64-bit CPUs alone."""
    cpu, old = cpu_of(KABY_LAKE), Options(microcode=1)
    without = changed(cpu, (0x80000001, 0), "edx", 1 << 29)
    assert "TSC_DEADLINE" not in names(derive(cpu, release("master"), old), "host")
    assert "TSC_DEADLINE" in names(derive(without, release("master"), old), "host")
    assert "TSC_DEADLINE" not in names(derive(without, release("4.17"), old), "host")


def test_a_register_that_the_record_of_a_cpu_lacks() -> None:
    """Its features count as not there, and the story says that nobody knows."""
    cpu = cpu_of(CASCADE_LAKE)
    unknown = derived(evolve(cpu, msrs={}))
    assert {"ARCH_CAPS", "RDCL_NO"} <= names(derived(cpu), "raw")
    assert names(unknown, "raw") & {"ARCH_CAPS", "RDCL_NO"} == {"ARCH_CAPS"}
    text = last_text(unknown, "raw", "RDCL_NO")
    assert text == "MSR 0x0000010a.lo is not known: it is taken as 0"


def test_tsx_that_firmware_has_hidden() -> None:
    """With bit 1 of TSX_FORCE_ABORT set, CPUID hides RTM before Xen starts; Xen knows of it."""
    cpu = changed(cpu_of(KABY_LAKE), (7, 0), "edx", 0, 1 << 13)
    shown, hidden = (derived(cpu.with_msrs({FORCE_ABORT: value})) for value in (0, 2))
    assert "RTM" in names(shown, "raw")
    assert "RTM" not in names(hidden, "raw")
    assert last_text(hidden, "raw", "RTM") == (
        "a TSX register hides it from CPUID before Xen starts"
    )
    assert "even while CPUID hides them" in last_text(hidden, "host", "RTM")
