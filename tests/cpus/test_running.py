"""The CPU as it runs: silicon, microcode and firmware put together."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from xenops_cpu.cpus import microcode, running, shipped, wish
from xenops_cpu.cpus.firmware import FirmwareError, parse
from xenops_cpu.cpus.params import options_of
from xenops_cpu.cpus.silicon import WORDS, Silicon, with_words, word
from xenops_cpu.cpus.timeline import Confidence
from xenops_cpu.derivation import derive
from xenops_cpu.features.release import release

IDENTITIES = list(shipped.catalogue())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("xeon-e7-4870", {"7d0": 0x9C000000}),
        ("core-i7-3960x", {"7d0": 0x9C000400}),
        ("xeon-e3-1245-v3", {"7b0": 0x27AB, "7d0": 0x9C000600}),
        ("xeon-e5-2696-v4", {"7d0": 0x9C000400, "10a": 0}),
        ("atom-c3958", {"7d0": 0xAC000400, "10a": 0x10000C69}),
        ("xeon-gold-6154", {"7d0": 0xBC002400, "10a": 0x2000C04}),
        ("xeon-gold-6212u", {"7d0": 0xBC000400, "7d2": 0, "10a": 0x20AACAB}),
        ("xeon-gold-6336y", {"7d0": 0xBC040412, "7d2": 1, "10a": 0x202BDEB}),
        ("xeon-w7-2475x", {"7d2": 0x17, "10a": 0x16C28FDEB}),
        ("xeon-gold-5520+", {"7d2": 0x1F, "10a": 0x16C28FDEB}),
        ("core-i7-6700k", {"7d0": 0xBC002E00, "10a": 0xC04, "10f": 1}),
        ("xeon-e-2226g", {"7b0": 0x29C67AB, "7d0": 0xBC002E00, "10a": 0x2000C04, "10f": 0}),
        ("core-i5-9600k", {"7d0": 0xBC002E00, "10a": 0x2000C0D, "10f": 1}),
        ("core-i9-10900k", {"7d0": 0xBC000600, "10a": 0x20A0C2B}),
        ("xeon-e-2356g", {"7d0": 0xBC000610, "7d2": 1, "10a": 0xA023C6B}),
        ("core-i9-12900k", {"7b0": 0x239C27EB, "7d2": 0x17, "10a": 0x1488FD6B}),
        ("xeon-6315p", {"7d2": 0x9F, "10a": 0xCC8FD6B}),
        ("opteron-6238", {"e8b": 0x1000, "e1c": 0x1C93FFF}),
        ("epyc-7551p", {"e8b": 0x1007}),
    ],
)
def test_the_words_of_today(name: str, words: dict[str, int]) -> None:
    """What the newest public microcode leaves in the words that updates change."""
    cpu = shipped.find(name).cpu
    assert {key: word(cpu, key) for key in words} == words


@pytest.mark.parametrize(
    ("name", "xen", "shown", "hidden"),
    [
        ("xeon-gold-6240", "4.17", "AVX AVX512F ARCH_CAPS GDS_NO FB_CLEAR RRSBA", "RTM ITS_NO"),
        ("xeon-gold-6240+as-dumped", "4.17", "RTM", "AVX"),
        ("xeon-gold-6154", "4.17", "AVX RTM RSBA GDS_NO ITS_NO", "FB_CLEAR"),
        ("xeon-gold-6336y", "master", "AVX RTM GDS_NO INTEL_PSFD", "ITS_NO"),
        ("xeon-w7-2475x", "master", "AVX RTM GDS_NO RFDS_NO ITS_NO BHI_CTRL", "PB_OPT_CTRL"),
        ("core-i7-6700k", "4.17", "AVX RTM_ALWAYS_ABORT", "RTM"),
        ("core-i7-7700k", "4.17", "AVX RTM_ALWAYS_ABORT", "RTM"),
        ("xeon-e-2226g", "4.17", "AVX", "RTM HLE RTM_ALWAYS_ABORT"),
        ("xeon-e5-2696-v4", "4.17", "AVX RTM MD_CLEAR TSC_DEADLINE", "GDS_CTRL TSX_CTRL"),
        ("epyc-7763", "4.17", "SBPB IBPB_BRTYPE VERW_CLEAR", "SRSO_NO"),
        ("epyc-7763+2023-05", "4.17", "", "SBPB IBPB_BRTYPE VERW_CLEAR"),
        ("epyc-7763+bios=0a0011d5", "4.17", "SBPB", "VERW_CLEAR"),
        ("epyc-9754", "master", "SBPB VERW_CLEAR", ""),
        ("epyc-7551p", "4.17", "IBPB", "IBRS"),
        ("epyc-7742+no-ibrs", "4.17", "IBPB", "IBRS"),
    ],
)
def test_what_guests_get(name: str, xen: str, shown: str, hidden: str) -> None:
    """HVM guests at boot: what an updated host in a rack gives, not what a dump of 2019 would."""
    instance = shipped.find(name)
    derivation = derive(instance.cpu, release(xen), options_of(instance.params))
    default = derivation.featuresets["hvm_default"]
    assert default is not None
    names = set(release(xen).names(default))
    assert names >= set(shown.split())
    assert not names & set(hidden.split())


def test_the_weakest_evidence_is_told() -> None:
    """Seen, documented or inferred; none where no word changes; the dump itself is seen."""
    assert shipped.find("xeon-gold-6240").running.confidence is Confidence.SEEN
    assert shipped.find("xeon-e5-2696-v4").running.confidence is Confidence.DOCUMENTED
    assert shipped.find("xeon-w7-2475x").running.confidence is Confidence.INFERRED
    assert shipped.find("xeon-w3670").running.confidence is Confidence.SEEN
    rome = shipped.find("epyc-7742").running
    assert rome.confidence is None
    assert "none is known to change a word" in rome.basis


def test_a_cpu_without_a_timeline_is_as_dumped() -> None:
    """It says so, whatever is wished; a revision is only a number then."""
    cpu = shipped.get("xeon-x5667").cpu
    for text in ("newest", "2018-08", "0x1f"):
        result = running.of(cpu, wish.parse(text))
        assert result.cpu.leaves == cpu.leaves
        assert "as dumped, for what updates change on this CPU is not known" in result.basis
    assert result.revision == result.cpu.microcode == 0x1F


def test_in_a_vm_the_hypervisor_decides() -> None:
    """What CPUID shows there does not follow the microcode."""
    cpu = shipped.get("xeon-gold-6212u").cpu
    eax, ebx, ecx, edx = cpu.leaf(1)
    virtual = evolve(cpu, leaves={**cpu.leaves, (1, 0): (eax, ebx, ecx | 1 << 31, edx)})
    result = running.of(virtual)
    assert result.cpu == virtual
    assert "a hypervisor decided what CPUID shows" in result.basis


def test_a_register_that_the_dump_lacks() -> None:
    """At the dump's own revision, too, what is known of ARCH_CAPS stands in; what it has, stays."""
    there = shipped.get("xeon-platinum-8351n").cpu
    bare = evolve(there, msrs={})
    own = wish.parse("0xd000280")
    assert word(running.of(bare, own).cpu, "10a") == word(there, "10a") == 0x1EB
    assert running.of(there, own).cpu == there
    assert running.of(bare, wish.AS_DUMPED).cpu == bare
    kaby = evolve(shipped.find("core-i7-7700k").cpu, msrs={0x10F: 2})
    assert running.of(kaby).cpu.msrs[0x10F] == 2


def test_time_goes_both_ways() -> None:
    """From a dump of today's state to an older one: what came later goes."""
    today = shipped.find("xeon-e-2356g").cpu
    past = running.of(today, wish.parse("2021-12")).cpu
    assert (word(past, "7d0") & 0x200, word(past, "7d2"), word(past, "10a")) == (0, 0, 0x6B)
    assert past.leaf(7)[0] == 0
    naples = shipped.find("epyc-7551p").cpu
    assert not word(running.of(naples, wish.parse("0x8001207")).cpu, "e8b") & 0x1000


def test_what_a_part_has_beyond_its_step_stays() -> None:
    """A workstation part shows OVRCLK_STATUS; a later microcode does not take that."""
    dumped = shipped.get("xeon-w7-2475x").cpu
    part = with_words(dumped, {"10a": word(dumped, "10a") | 1 << 23})
    assert word(running.of(part).cpu, "10a") == 0x16CA8FDEB


def test_bits_that_a_part_cannot_have() -> None:
    """Without TSX there is no register to hide it, without efficient cores RFDS_NO is shown."""
    part = shipped.get("cc150").cpu
    fused = with_words(part, {"7b0": word(part, "7b0") & ~0x810})
    now = running.of(fused).cpu
    assert (word(now, "7d0"), word(now, "10a")) == (0xBC000600, 0x20A0C2B)
    hybrid = shipped.get("core-i9-12900k").cpu
    plain = with_words(hybrid, {"7d0": word(hybrid, "7d0") & ~(1 << 15)})
    assert word(running.of(plain).cpu, "10a") == 0x0C88FD6B


def test_what_an_operating_system_hid_shows_after_a_reset() -> None:
    """Linux hides HLE and RTM with TSX_CTRL; Xen finds them."""
    dumped = shipped.get("xeon-6788p")
    assert not word(dumped.cpu, "7b0") & 0x810
    assert word(shipped.find("xeon-6788p").cpu, "7b0") & 0x810 == 0x810


@pytest.mark.parametrize(
    ("name", "register", "value"),
    [
        ("cc150+2022-02+sgx", "123", 4),
        ("cc150+sgx", "123", 0x24),
        ("cc150+2022-02", "123", 0),
        ("core-i9-10900k+sgx", "123", 0x20),
        ("epyc-7742+no-ibrs", "e8b", 0x018EB757),
        ("epyc-7742+no-ibrs+ibrs", "e8b", 0x018EF757),
    ],
)
def test_firmware_settings(name: str, register: str, value: int) -> None:
    """SGX locks TSX off and GDS's mitigation on; AMD's bits are as they are set."""
    assert word(shipped.find(name).cpu, register) == value


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("epyc-7742", "sgx", "this CPU has no SGX"),
        ("epyc-7763", "no-ibrs", "no dump of this CPU shows that firmware decides IBRS"),
        ("xeon-gold-6212u", "fsrm", "no dump of this CPU shows that firmware decides FSRM"),
    ],
)
def test_a_setting_that_the_cpu_has_not(name: str, words: str, message: str) -> None:
    """Said, and not set."""
    with pytest.raises(FirmwareError, match=message):
        running.of(shipped.get(name).cpu, firmware=parse(words.split()))


def test_smt_is_a_circumstance() -> None:
    """No leaf shows it: it goes to the derivation as a record's parameter."""
    assert shipped.find("epyc-7742+smt-off").params == {"smt": 0}
    assert shipped.find("epyc-7742").params == {}


@given(st.sampled_from(IDENTITIES), st.integers(0, 0xFFFFFFFF))
def test_only_watched_words_ever_change(identity: str, revision: int) -> None:
    """Any revision on any CPU: leaves that microcode does not touch stay, and twice is once."""
    dumped = shipped.get(identity).cpu
    asked = wish.Wish("revision", f"{revision:x}", revision)
    result = running.of(dumped, asked)
    places = {(leaf, subleaf) for leaf, subleaf, _ in WORDS.values()} | {(7, 1)}
    for key in dumped.leaves.keys() | result.cpu.leaves.keys():
        if key not in places:
            assert result.cpu.leaf(*key) == dumped.leaf(*key)
    assert running.of(dumped, asked) == result
    assert running.of(result.cpu, asked).cpu.leaves == result.cpu.leaves


@pytest.mark.parametrize("identity", IDENTITIES)
def test_the_timeline_is_given_not_looked_up(identity: str) -> None:
    """run() takes its facts as arguments: without a timeline every CPU is as dumped."""
    cpu = shipped.get(identity).cpu
    assert running.run(Silicon(cpu), None).cpu == cpu
    known = microcode.timeline(cpu.vendor, cpu.signature)
    assert running.run(Silicon(cpu), known) == running.of(cpu)
