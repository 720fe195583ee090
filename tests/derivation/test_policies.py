"""The six whole policies of a derived host: steps, reasons, and what is made when."""

from __future__ import annotations

import pytest

from xenops_cpu.cpuid.fields import PLATFORM_INFO
from xenops_cpu.cpuid.policy import NO_SUBLEAF
from xenops_cpu.cpuid.slots import STATE, slots
from xenops_cpu.cpuid.table import PolicyTable
from xenops_cpu.cpuid.words import policy_featureset
from xenops_cpu.cpus import shipped
from xenops_cpu.derivation import DERIVED_RELEASES, SETS, Derivation, Machine, Options, derive
from xenops_cpu.derivation.policies import POLICY_PHASES, system_policies
from xenops_cpu.derivation.policies.xstate import compressed_size, uncompressed_size
from xenops_cpu.derivation.releases import span
from xenops_cpu.features.release import release

LEAF_1 = (1, NO_SUBLEAF)
SVM_LEAF = (0x8000000A, NO_SUBLEAF)


def derived(cpu: str, xen: str, cmdline: str = "", machine: Machine | None = None) -> Derivation:
    options = Options(cmdline=cmdline, machine=machine or Machine())
    return derive(shipped.get(cpu).cpu, release(xen), options)


@pytest.mark.parametrize("xen", DERIVED_RELEASES)
def test_features_are_the_derivations(xen: str) -> None:
    """In every release the policies' words are the featuresets, as far as the limits let see."""
    derivation = derived("xeon-gold-6154", xen)
    policies = system_policies(derivation)
    for name in SETS:
        featureset = derivation.featuresets[name]
        if featureset is not None and name != "raw":
            words = policies.table(name).features(derivation.release)
            reserved = sum(
                0xFFFFFFFF << word.index * 32
                for word in derivation.release.words
                if word.leaf is None and word.msr is None
            )
            assert words & ~reserved == featureset.bits & ~reserved
            assert policy_featureset(policies[name], derivation.release) <= featureset


def test_nothing_is_made_before_it_is_asked_for() -> None:
    """A policy and those that it comes from, no others."""
    policies = system_policies(derived("epyc-7763", "4.17"))
    assert not policies._tables
    assert policies["pv_max"]
    assert set(policies._tables) == {"raw", "host", "pv_max"}


def test_a_release_with_one_set_answers_it_twice() -> None:
    """Xen 4.13 has no maxima; its sysctl gives the same policy under both names."""
    policies = system_policies(derived("xeon-gold-6154", "4.13"))
    assert policies["hvm_max"] == policies["hvm_default"]
    assert list(policies) == list(SETS)


def test_no_hvm_no_policy() -> None:
    """Where VMX cannot be switched on the HVM policies are the four leaves that always are."""
    policies = system_policies(derived("xeon-gold-6154", "4.17", machine=Machine(hvm=False)))
    assert len(policies["hvm_max"].leaves) == 4
    assert not any(map(any, policies["hvm_default"].leaves.values()))
    assert len(policies["pv_max"].leaves) > 4


@pytest.mark.parametrize(
    ("xen", "limits"),
    [
        ("4.16", (0xD, 0, 0x80000008)),
        ("4.17", (0xD, 2, 0x80000008)),
        ("4.18", (0xD, 2, 0x80000021)),
        ("xenserver-8-4.17.3-4", (0xD, 0, 0x80000008)),
        ("xenserver-8-4.17.6-2", (0xD, 3, 0x80000021)),
    ],
)
def test_the_maxima_have_limits_by_release(xen: str, limits: tuple[int, int, int]) -> None:
    """Which VMs may come in was widened twice; the default stays the host's."""
    policies = system_policies(derived("xeon-gold-6154", xen))
    most, default = policies.table("hvm_max"), policies.table("hvm_default")
    assert (most.max_leaf, most.max_subleaf, most.max_extended) == limits
    assert (default.max_leaf, default.max_subleaf, default.max_extended) == (0xD, 0, 0x80000008)


def test_host_keeps_hidden_leaves_from_4_22_on() -> None:
    """The maxima lose them instead."""
    old = system_policies(derived("xeon-gold-6154", "4.21"))
    new = system_policies(derived("xeon-gold-6154", "4.22"))
    assert not any(old["host"].leaf(6))
    assert any(new["host"].leaf(6))
    assert not any(new["hvm_max"].leaf(6))


def test_svm_leaf_by_release() -> None:
    """Emulated SVM features are in host up to 4.18, from 4.19 on in the HVM maximum only."""
    old = system_policies(derived("epyc-7763", "4.18"))
    new = system_policies(derived("epyc-7763", "4.19"))
    assert old["host"].leaf(SVM_LEAF[0])[3] & 1 << 4
    assert new["host"].leaf(SVM_LEAF[0]) == new["raw"].leaf(SVM_LEAF[0])
    assert not new["hvm_max"].leaf(SVM_LEAF[0])[3] & 1 << 4
    assert not any(new["pv_max"].leaf(SVM_LEAF[0]))


def test_cpuid_faulting_is_emulated_for_hvm() -> None:
    """On every CPU, so also where PV guests do not have it."""
    policies = system_policies(derived("epyc-7763", "4.17"))
    assert policies["hvm_max"].msrs[PLATFORM_INFO] == 1 << 31
    assert policies["pv_max"].msrs[PLATFORM_INFO] == 0


def test_performance_counters_with_vpmu() -> None:
    """vpmu= keeps leaf ah on Intel CPUs that Xen knows, and the NMI watchdog takes it away."""
    counters = system_policies(derived("xeon-gold-6154", "4.17"))["raw"].leaf(0xA)
    for cmdline, there in (("vpmu=1", True), ("vpmu=bts", True), ("vpmu=1 watchdog", False),
                           ("vpmu=0", False), ("", False)):  # fmt: skip
        policies = system_policies(derived("xeon-gold-6154", "4.17", cmdline))
        assert (policies["hvm_default"].leaf(0xA) == counters) is there, cmdline
    amd = system_policies(derived("epyc-7763", "4.17", "vpmu=1"))
    assert not any(amd["hvm_default"].leaf(0xA))


def test_a_story_follows_the_lineage() -> None:
    """Raw first, then what each policy on the way changed, with the steps' own reasons."""
    story = system_policies(derived("xeon-gold-6154", "4.17")).story("pv_default", (6, NO_SUBLEAF))
    assert [(reason.policy, reason.step) for reason in story] == [
        ("raw", "raw.leaves"), ("host", "misc.thermal"),
    ]  # fmt: skip
    assert story[-1].text == "power and heat are the host's business"
    assert story[-1].after == (0, 0, 0, 0)


def test_a_story_of_a_register() -> None:
    """MSRs have reasons as well."""
    policies = system_policies(derived("epyc-7763", "4.17"))
    assert [r.step for r in policies.story("hvm_default", PLATFORM_INFO)] == ["max.faulting"]


def test_lfence_raises_the_limit() -> None:
    """On Zen 2 Xen makes LFENCE serialising, which is told in a leaf that the CPU does not have."""
    policies = system_policies(derived("epyc-7402p", "4.17"))
    assert policies.table("raw").max_extended < 0x80000021 == policies.table("host").max_extended
    (last,) = (r for r in policies.story("host", (0x80000000, NO_SUBLEAF)) if "limits" in r.step)
    assert "LFENCE_DISPATCH" in last.text


def test_steps_are_told_apart_and_have_words() -> None:
    """Every step has an id of its own, a condition, an effect, a reason and a place in Xen."""
    steps = [step for phase in POLICY_PHASES for step in phase.steps]
    assert len({step.id for step in steps}) == len(steps)
    for step in steps:
        assert all((step.when, step.effect, step.why, step.source))
        assert span(step.releases)


def test_leaves_with_subleaves_that_xen_does_not_ask_for() -> None:
    """8000001dh shows the subleaf that the leaf before left in ECX."""
    cpu = shipped.get("epyc-7763").cpu
    assert cpu.leaf(0x8000001C)[2] == 0
    raw = system_policies(derive(cpu, release("4.17")))["raw"]
    assert raw.leaf(0x8000001D) == cpu.leaf(0x8000001D, 0)


def test_no_such_policy() -> None:
    """Only the six sets have a lineage; their own ends it."""
    policies = system_policies(derived("epyc-7763", "4.17"))
    assert policies.lineage("hvm_default")[-1] == "hvm_default"
    for name in ("hvm", "pv_least", ""):
        with pytest.raises(KeyError):
            policies.lineage(name)


def test_the_sizes_of_saved_state() -> None:
    """Nothing where there are no components; compacted, each aligned where leaf dh says so."""
    table = PolicyTable(slots(release("4.19")))
    table.put((STATE, 2), (256, 576, 0, 0))
    table.put((STATE, 5), (64, 1088, 0b10, 0))
    table.put((STATE, 9), (8, 2688, 0, 0))
    assert (uncompressed_size(table, 0), compressed_size(table, 0)) == (0, 0)
    assert (uncompressed_size(table, 0x3), compressed_size(table, 0x3)) == (576, 576)
    assert uncompressed_size(table, 0x4 | 0x20) == 1152
    assert compressed_size(table, 0x4 | 0x200) == 576 + 256 + 8
    table.put((STATE, 2), (250, 576, 0, 0))
    assert compressed_size(table, 0x4 | 0x20) == 832 + 64
