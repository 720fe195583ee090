"""xenops_cpu.derivation: bit for bit what Xen's own code computed, and rules that hold always."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import SHARED
from tests.support.golden_derivation import BUILDS, FILES, cpus, record, record_of, results
from xenops_cpu.cpus.corpus import as_words, read_record, simulate, simulate_lines
from xenops_cpu.derivation import (
    DERIVED_RELEASES,
    SETS,
    Derivation,
    DerivationError,
    Machine,
    Options,
    derive,
)
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release

XEN = SHARED / "xen"
SKYLAKE = "inst-genuineintel0050654-skylakexeon+2017"
CASCADE_LAKE = "inst-genuineintel0050657-cascadelakexeon+2019-11"


def difference(ours: dict[str, Any], golden: dict[str, Any], xen: str) -> list[str]:
    """`set: +NAME -NAME` for each set that differs; + is what only the golden record has."""
    found = []
    for key in SETS:
        if key in golden and golden[key] != ours[key]:
            left, right = (
                Featureset.of_words(int(word, 16) for word in side[key] or ())
                for side in (golden, ours)
            )
            names = release(xen)
            found.append(
                f"{key}:"
                + "".join(f" +{name}" for name in names.names(left - right))
                + "".join(f" -{name}" for name in names.names(right - left))
            )
    return found


@pytest.mark.parametrize("file", FILES)
def test_golden_selection(file: str) -> None:
    """Every result of the selection is met in all its sets, bit for bit."""
    wrong = []
    chosen = [result for result in results() if result["file"] == file]
    for result in chosen:
        ours = as_words("", simulate(read_record(json.dumps(record_of(result)), 1),
                                     release(result["xen"])))  # fmt: skip
        golden = {key: result[key].split("-") for key in SETS if key in result}
        wrong += [f"{result['cpu']}: {line}" for line in difference(ours, golden, result["xen"])]
    assert chosen
    assert not wrong


@pytest.mark.slow
@pytest.mark.skipif(not XEN.exists(), reason="the full collection ../shared/xen is not there")
@pytest.mark.parametrize("file", FILES)
def test_golden_all(file: str) -> None:
    """Every result of the full collection is met in all its sets, bit for bit."""
    dumps = {}
    synthetic = file.startswith("synthetic-")
    source = "golden/synthetic-dumps.jsonl" if synthetic else "corpus/dumps.jsonl"
    for line in (XEN / source).read_text().splitlines():
        dump = json.loads(line)
        dumps[dump["id"]] = dump
    wrong = []
    for number, line in enumerate((XEN / "golden" / f"{file}.jsonl").read_text().splitlines()):
        golden = json.loads(line)
        known = golden if "leaves" in golden else {**dumps[golden["id"]], **golden}
        xen = BUILDS.get(golden["xen"], golden["xen"])
        ours = as_words("", simulate(read_record(json.dumps(known), number), release(xen)))
        wrong += [f"{known.get('id', number)}: {d}" for d in difference(ours, golden, xen)]
    assert not wrong


CPUS = st.sampled_from(sorted(cpus()))
RELEASES = st.sampled_from(DERIVED_RELEASES)
COMMAND_LINES = st.lists(
    st.sampled_from(
        ["xsave=0", "hap=0", "tsx=0", "tsx=1", "spec-ctrl=no", "spec-ctrl=no-msr-sc", "smep=0",
         "spec-ctrl=no-gds-mit", "cpuid=no-avx", "cpuid=no-ibrsb", "cpuid=no-sse2", "cpuid=rdrand",
         "cpuid=no-hypervisor", "cpuid=no-arch-caps", "pku=0"]
    ),
    max_size=4,
).map(" ".join)  # fmt: skip


def derived(cpu: str, xen: str, cmdline: str = "", **machine: Any) -> Derivation:
    options = Options(cmdline=cmdline, machine=Machine(**machine))
    return derive(record(cpu).cpu, release(xen), options)


def bits(derivation: Derivation, name: str) -> int:
    featureset = derivation.featuresets[name]
    assert featureset is not None
    return featureset.bits


@settings(deadline=None)
@given(CPUS, RELEASES, COMMAND_LINES)
def test_maximum_contains_default(cpu: str, xen: str, cmdline: str) -> None:
    """A new guest never gets what a guest could not come in with."""
    derivation = derived(cpu, xen, cmdline)
    for kind in ("pv", "hvm"):
        if derivation.featuresets[f"{kind}_max"] is not None:
            assert not bits(derivation, f"{kind}_default") & ~bits(derivation, f"{kind}_max")


@settings(deadline=None)
@given(CPUS, RELEASES, COMMAND_LINES, st.booleans())
def test_changes_lead_to_the_sets(cpu: str, xen: str, cmdline: str, hvm: bool) -> None:
    """The record is complete: played back, its changes give each set as it is."""
    derivation = derived(cpu, xen, cmdline, hvm=hvm)
    sets = {"raw": 0, "host": 0}
    for change in derivation.changes:
        name = change.set
        if name not in SETS:
            continue
        if name not in sets:
            has_max = derivation.release.has_max and name.endswith("_default")
            sets[name] = sets.get(name.replace("_default", "_max") if has_max else "host", 0)
            if has_max:
                sets[name] = bits(derivation, name.replace("_default", "_max"))
        sets[name] = (sets[name] | change.added) & ~change.removed
    for name, value in sets.items():
        assert value == bits(derivation, name)


@settings(deadline=None)
@given(CPUS, RELEASES, COMMAND_LINES)
def test_sanitised(cpu: str, xen: str, cmdline: str) -> None:
    """No guest set has a feature without what it depends on, but for bits Xen adds last."""
    derivation = derived(cpu, xen, cmdline)
    tables = release(xen)
    late = sum(1 << tables.features[n].number for n in ("RSBA", "RRSBA") if n in tables.features)
    for name in SETS[2:]:
        featureset = derivation.featuresets[name]
        if featureset is not None:
            for base, dependents in tables.deep_deps.items():
                if base not in featureset:
                    assert not featureset.bits & dependents.bits & ~late


@settings(deadline=None)
@given(CPUS, RELEASES, st.data())
def test_hidden_feature_takes_its_dependents(cpu: str, xen: str, data: st.DataObject) -> None:
    """cpuid=no-X keeps X and all that depends on X out of the host set."""
    tables = release(xen)
    names = {n: f for n, f in tables.cmdline_names.items() if f in tables.deep_deps}
    name = data.draw(st.sampled_from(sorted(names)))
    number = names[name]
    assert number is not None
    derivation = derived(cpu, xen, f"cpuid=no-{name}")
    # Xen copies AMD's common bits and the like after that: the host policy's end may bring some.
    late = sum(change.added for change in derivation.changes if change.step == "host.common-1d")
    gone = tables.deep_deps[number].bits | 1 << number
    assert not bits(derivation, "host") & gone & ~late


@settings(deadline=None)
@given(CPUS, RELEASES, COMMAND_LINES)
def test_derivation_is_a_function(cpu: str, xen: str, cmdline: str) -> None:
    """The same input gives the same sets, changes and notes."""
    assert derived(cpu, xen, cmdline) == derived(cpu, xen, cmdline)


@settings(deadline=None)
@given(CPUS, RELEASES)
def test_lengths_and_known_bits(cpu: str, xen: str) -> None:
    """Each set has the release's length; host and guest sets have no unknown bits."""
    derivation = derived(cpu, xen)
    tables = release(xen)
    for name in SETS:
        featureset = derivation.featuresets[name]
        if featureset is None:
            assert not tables.has_max
            continue
        assert featureset.length == tables.length
        if name not in ("raw", "host"):
            assert featureset <= tables.masks["known"]


def test_without_hvm_the_guests_sets_are_zero() -> None:
    """Where VMX cannot be switched on, HVM sets are zero words, and VMX leaves the host set."""
    derivation = derived(SKYLAKE, "4.17", hvm=False)
    vmx = release("4.17").features["VMX"].number
    assert bits(derivation, "hvm_max") == bits(derivation, "hvm_default") == 0
    assert vmx not in (derivation.featuresets["host"] or Featureset())


def test_unusable_vmx_stays_before_4_17() -> None:
    """Xen before 4.17 leaves VMX in the host set; the reference program takes it out."""
    vmx = 1 << release("4.13").features["VMX"].number
    assert bits(derived(SKYLAKE, "4.13", hvm=False), "host") & vmx
    compared = simulate(record(SKYLAKE, hvm=0), release("4.13"))
    assert not bits(compared, "host") & vmx


def test_microcode_decides() -> None:
    """The deadline timer of a Skylake-SP stepping 4 goes with microcode older than 2000014h."""
    deadline = 1 << release("4.17").features["TSC_DEADLINE"].number
    cpu = record(SKYLAKE).cpu
    for revision, kept in ((0x02000013, False), (0x02000014, True)):
        host = bits(derive(cpu, release("4.17"), Options(microcode=revision)), "host")
        assert bool(host & deadline) is kept


def test_registers_can_be_overridden() -> None:
    """ARCH_CAPS given with the options wins over the CPU's own."""
    cpu = record(CASCADE_LAKE).cpu
    rdcl_no = 1 << release("4.17").features["RDCL_NO"].number
    assert bits(derive(cpu, release("4.17"), Options(msrs={0x10A: 0x1})), "raw") & rdcl_no
    assert not bits(derive(cpu, release("4.17"), Options(msrs={0x10A: 0x80})), "raw") & rdcl_no


def test_xenserver_hides_avx512() -> None:
    """XenServer hides AVX512 on Skylake-SP unless cpuid=avx512; upstream does not."""
    avx512f = 1 << release("4.17").features["AVX512F"].number
    keep_avx = "spec-ctrl=no-gds-mit"
    assert bits(derived(SKYLAKE, "4.17", keep_avx), "host") & avx512f
    for xen in ("xenserver-8", "xenserver-8.2"):
        assert not bits(derived(SKYLAKE, xen, keep_avx), "host") & avx512f
        assert bits(derived(SKYLAKE, xen, keep_avx + " cpuid=avx512"), "host") & avx512f


def test_assumptions_are_noted() -> None:
    """What a dump lacks and matters is assumed, and said."""
    notes = derive(record(SKYLAKE).cpu, release("4.17")).notes
    assert any("VMX control registers are not known" in note for note in notes)


def test_release_before_4_13() -> None:
    """A release whose derivation is not known is refused, with those that are."""
    with pytest.raises(DerivationError, match=r"Xen 4\.12 .*there are 4\.13"):
        derive(record(SKYLAKE).cpu, release("4.12"))


@pytest.mark.slow
@pytest.mark.skipif(not XEN.exists(), reason="the full collection ../shared/xen is not there")
@pytest.mark.parametrize("xen", DERIVED_RELEASES)
def test_whole_corpus_runs(xen: str) -> None:
    """Every dump of the full collection can be derived with every release."""
    lines = (XEN / "corpus" / "dumps.jsonl").read_text().splitlines()
    started = time.process_time()
    found = list(simulate_lines(lines, release(xen)))
    print(f"{len(found)} dumps, Xen {xen}: {time.process_time() - started:.2f} s")
    assert not [entry for entry in found if "error" in entry]
