"""The story of a bit: it ends where the set says, and gives the true reason."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.golden_derivation import cpus, record
from xenops_cpu.derivation import (
    DERIVED_RELEASES,
    SETS,
    Derivation,
    DerivationError,
    Machine,
    Options,
    Reason,
    all_steps,
    derive,
    reasons_of,
)
from xenops_cpu.features.release import release

SKYLAKE_2017 = "inst-genuineintel0050654-skylakexeon+2017"
CASCADE_LAKE = "inst-genuineintel0050657-cascadelakexeon+2019-11"
KABY_LAKE_RAA = "inst-genuineintel00906e9-kabylake+2021-06"
ROME = "inst-authenticamd0830f10-k17-rome-cpuid6"
STEP_IDS = {step.id for step in all_steps()} | {"silicon", "list", "none"}


def derived(cpu: str, xen: str, cmdline: str = "", hvm: bool = True) -> Derivation:
    options = Options(cmdline=cmdline, machine=Machine(hvm=hvm))
    return derive(record(cpu).cpu, release(xen), options)


def steps(derivation: Derivation, name: str, feature: str) -> list[tuple[str, bool]]:
    number = derivation.release.features[feature].number
    return [
        (r.step, r.present) for r in reasons_of(derivation, name, number) if r.feature == number
    ]


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(sorted(cpus())),
    st.sampled_from(DERIVED_RELEASES),
    st.sampled_from(SETS),
    st.sampled_from(["", "xsave=0 tsx=0", "spec-ctrl=no cpuid=no-avx,rdrand", "cpuid=no-gds-no"]),
    st.booleans(),
)
def test_every_story_ends_as_the_set_says(
    cpu: str, xen: str, name: str, cmdline: str, hvm: bool
) -> None:
    """For every bit of a set, named or not, the last reason about it agrees with the set."""
    derivation = derived(cpu, xen, cmdline, hvm)
    featureset = derivation.featuresets[name]
    if featureset is None:
        return
    for number in range(featureset.length * 32):
        story = reasons_of(derivation, name, number)
        own = [reason for reason in story if reason.feature == number]
        assert own[0].step == "silicon"
        assert own[-1].present == (number in featureset), derivation.release.label(number)
        assert all(reason.step in STEP_IDS and reason.text for reason in story)
        _follows_the_rules(derivation, story, number)


def _follows_the_rules(derivation: Derivation, story: tuple[Reason, ...], number: int) -> None:
    """A borrowed line names its feature, a cause is told for each that is missing, and nothing is
    denied that the next line of the same set gives.
    """
    label = derivation.release.label
    for reason, following in zip(story, (*story[1:], None), strict=True):
        if reason.feature != number:
            assert reason.text.startswith(f"{label(reason.feature)}: ")
        if reason.step == "guest.sanitise":
            assert reason.lacking
            borrowed = {other.feature for other in story if other.feature != number}
            assert set(reason.lacking) <= borrowed
        if following is not None and following.present and following.set == reason.set:
            for denial in (
                "to no guest",
                "Xen has it off by default",
                "to new guests",
                "guests only",
            ):
                assert denial not in reason.text


@pytest.mark.parametrize(
    ("cpu", "xen", "cmdline", "name", "feature", "told"),
    [
        (SKYLAKE_2017, "4.17", "", "host", "AVX", [("silicon", True), ("host.gds-avx", False)]),
        (SKYLAKE_2017, "4.17", "cpuid=no-avx", "host", "AVX2",
         [("silicon", True), ("cmd.cpuid-clear", False)]),
        (SKYLAKE_2017, "4.17", "", "pv_default", "CLWB",
         [("silicon", True), ("host.clwb", False), ("max.clwb", True), ("default.clwb", False)]),
        (SKYLAKE_2017, "4.17", "", "pv_max", "MONITOR",
         [("silicon", True), ("pv-max.mask", False)]),
        (SKYLAKE_2017, "4.17", "", "hvm_default", "HYPERVISOR",
         [("silicon", False), ("guest.hypervisor", True), ("list", True)]),
        (ROME, "4.17", "", "hvm_max", "SEP",
         [("silicon", True), ("host.amd-sep", False), ("hvm-max.sep", True)]),
        (ROME, "4.17", "", "host", "NSCB", [("silicon", False), ("host.nscb", True)]),
        (ROME, "4.17", "", "pv_default", "PCID",
         [("silicon", False), ("none", False), ("none", False)]),
        (CASCADE_LAKE, "4.17", "", "hvm_default", "RTM",
         [("silicon", True), ("list", True), ("default.rtm", False)]),
        (CASCADE_LAKE, "4.17", "", "raw", "RTM", [("silicon", True), ("host.taa", False)]),
        (CASCADE_LAKE, "4.19", "", "raw", "RTM", [("silicon", True)]),
        (CASCADE_LAKE, "4.17", "tsx=0", "host", "RTM",
         [("silicon", True), ("tsx.ctrl-write", False), ("tsx.force-hle-rtm", True)]),
        (KABY_LAKE_RAA, "4.17", "", "pv_default", "RTM",
         [("silicon", True), ("tsx.force-abort-write", False), ("tsx.force-hle-rtm", True),
          ("list", True), ("default.rtm", False)]),
        (SKYLAKE_2017, "4.13", "", "pv_default", "PCID",
         [("silicon", True), ("one.mask", False)]),
    ],
)  # fmt: skip
def test_reasons(
    cpu: str, xen: str, cmdline: str, name: str, feature: str, told: list[tuple[str, bool]]
) -> None:
    """Known cases: the steps named are the ones that decided, in order."""
    assert steps(derived(cpu, xen, cmdline), name, feature) == told


def test_dependency_names_its_base() -> None:
    """A feature that goes with another names it, and says why that one went."""
    derivation = derived(SKYLAKE_2017, "4.17", "xsave=0")
    text = reasons_of(derivation, "host", release("4.17").features["AVX512F"].number)[-1].text
    assert text.startswith("it depends on XSAVE, which is cleared")
    assert "xsave=0" in text


def test_sanitising_tells_the_first_causes() -> None:
    """RRSBA, set for pools, goes where IBRSB and EIBRS are missing; each line names its feature."""
    derivation = derived(SKYLAKE_2017, "4.17")
    features = release("4.17").features
    story = reasons_of(derivation, "pv_max", features["RRSBA"].number)
    assert [(r.step, r.feature) for r in story][-3:] == [
        ("guest.sanitise", features["RRSBA"].number),
        ("silicon", features["IBRSB"].number),
        ("silicon", features["EIBRS"].number),
    ]
    assert "depends on IBRSB and EIBRS, which the set lacks" in story[-3].text
    assert [reason.text.partition(":")[0] for reason in story[-2:]] == ["IBRSB", "EIBRS"]


def test_clearing_wins_over_forcing() -> None:
    """A feature forced by one step and cleared by the command line tells both."""
    derivation = derived(ROME, "4.17", "cpuid=no-its-no,no-nscb")
    told = steps(derivation, "host", "NSCB")
    assert told[-1] == ("cmd.cpuid-clear", False)
    assert ("host.nscb", True) in told


@pytest.mark.parametrize(
    ("cpu", "cmdline", "words"),
    [
        (SKYLAKE_2017, "cpuid=no-avx", "without AVX the gathers that leak cannot be executed"),
        ("inst-genuineintel00306c3-haswellxeon", "", "model 3ch is not vulnerable"),
    ],
)
def test_gds_no_says_what_makes_it_true(cpu: str, cmdline: str, words: str) -> None:
    """GDS_NO for want of AVX is told from GDS_NO for the model's sake."""
    derivation = derived(cpu, "4.17", cmdline)
    last = reasons_of(derivation, "host", release("4.17").features["GDS_NO"].number)[-1]
    assert (last.step, last.present) == ("host.gds-no", True)
    assert words in last.text


def test_microcode_is_named() -> None:
    """A decision by microcode says which revision there is and which was needed."""
    derivation = derive(record(SKYLAKE_2017).cpu, release("4.17"), Options(microcode=0x02000013))
    number = release("4.17").features["TSC_DEADLINE"].number
    assert "0x2000013 is older than 0x2000014" in reasons_of(derivation, "host", number)[-1].text


def test_no_hvm_guests() -> None:
    """Without HVM each bit of its sets is out for that reason, and its first cause is told."""
    xen = release("4.13")
    old = reasons_of(
        derived(SKYLAKE_2017, "4.13", hvm=False), "hvm_default", xen.features["SSE2"].number
    )
    assert old[-1].text.startswith("there are no HVM guests: the CPU has VT-x (VMX), and it could")
    sse2, vmx = (release("4.17").features[name].number for name in ("SSE2", "VMX"))
    story = reasons_of(derived(SKYLAKE_2017, "4.17", "cpuid=no-vmx"), "hvm_max", sse2)
    assert "there are no HVM guests: VMX, which they need" in story[-2].text
    assert (story[-1].feature, story[-1].step) == (vmx, "cmd.cpuid-clear")
    assert story[-1].text.startswith("VMX: the command line takes it away")
    story = reasons_of(derived(SKYLAKE_2017, "4.17", hvm=False), "hvm_max", sse2)
    assert (story[-1].feature, story[-1].step) == (vmx, "host.vmx-off")
    assert story[-1].text.startswith("VMX: VT-x could not be switched on: firmware")


def test_no_such_set() -> None:
    """Xen 4.13 has no maximum sets to tell of."""
    with pytest.raises(DerivationError, match=r"Xen 4\.13 has no set pv_max"):
        reasons_of(derived(SKYLAKE_2017, "4.13"), "pv_max", 0)


def test_what_needs_assisted_paging_says_how_guests_run() -> None:
    """And why they run so: the option, not the CPU."""
    number = release("4.17").features["INVPCID"].number
    last = reasons_of(derived(SKYLAKE_2017, "4.17", "hap=0"), "hvm_max", number)[-1]
    assert last.text == (
        "Xen's list of features offers it to HVM guests with hardware-assisted paging only; here "
        "they run with shadow paging: hap=0 on the command line"
    )
