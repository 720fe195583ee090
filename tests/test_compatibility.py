"""What is missing, by libxc's own words, and the limits that no feature tells."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tests import SHARED, needs_shared
from xenops_cpu.compatibility import LeafLimits, libxc_error, missing
from xenops_cpu.features import release
from xenops_cpu.featureset import Featureset
from xenops_cpu.policy import Policy

from .hosts import example
from .test_levelling import OF_LIBXC, of_words, records

SETS = st.lists(st.integers(0, 0xFFFFFFFF), max_size=23).map(Featureset.of_words)


def test_every_chosen_vector_of_libxc() -> None:
    """The error's text is libxc's to the letter, cut where libxc cuts it."""
    for record in records("compatible.jsonl"):
        vm, host = Featureset.parse(record["vm"]), Featureset.parse(record["host"])
        assert libxc_error(vm, host, release(record["release"])) == record["error"]


@needs_shared
def test_every_vector_of_libxc() -> None:
    """The same for all that there are, and `missing` is empty where libxc is content."""
    for line in (SHARED / "xen" / "golden" / "compatible.jsonl").read_text().splitlines():
        record = json.loads(line)
        vm, host = of_words(record["vm"]), of_words(record["host_fs"])
        assert libxc_error(vm, host, release(OF_LIBXC[record["libxc"]])) == record["error"]
        assert bool(missing(vm, host)) is not record["compatible"]


@given(SETS, SETS)
def test_missing_is_all_of_it(vm: Featureset, host: Featureset) -> None:
    """Every feature of every word that the VM has and the host has not, and no other."""
    lacking = missing(vm, host)
    assert set(lacking) == set(vm) - set(host)
    assert (vm <= host) is not bool(lacking)


def test_a_long_error_is_cut_as_libxc_cuts_it() -> None:
    """libxc names the first word that differs, in 126 characters; missing has the rest."""
    vm = Featureset.of_words([0xFFFFFFFF, 0xFFFFFFFF])
    text = libxc_error(vm, Featureset(), release("xenserver-8"))
    assert text is not None
    assert len(text) == 126
    assert text.startswith("FPU VME DE PSE TSC MSR PAE MCE CX8 APIC <0*32+10> SEP")


def test_leaf_limits_of_policies() -> None:
    """Highest basic leaf, subleaf of leaf 7 and extended leaf, with or without a subleaf 0."""
    real = LeafLimits.of(example("skylake-server-xen-4.17").policies["host"])
    assert real == LeafLimits(basic=0xD, subleaf7=0, extended=0x80000008)
    text = (
        "00000000:00000000->00000016:0:0:0;00000007:00000000->00000002:0:0:0;"
        "80000000:00000000->80000021:0:0:0"
    ).replace(":0:0:0", ":00000000:00000000:00000000")
    assert LeafLimits.of(Policy.parse(text)) == LeafLimits(0x16, 2, 0x80000021)


def test_limits_beyond_the_hosts() -> None:
    """Each limit that is too high is a sentence, and none that is not."""
    host = LeafLimits(0xD, 0, 0x80000008)
    assert list(LeafLimits(0xD, 0, 0x80000008).beyond(host)) == []
    assert list(LeafLimits(0x16, 2, 0x80000021).beyond(host)) == [
        "the VM's highest CPUID leaf is 0x16, the host's 0xd",
        "the VM's highest subleaf of CPUID leaf 7 is 0x2, the host's 0x0",
        "the VM's highest extended CPUID leaf is 0x80000021, the host's 0x80000008",
    ]


def test_a_policy_without_leaves_has_no_limits() -> None:
    """What is not there counts as zero."""
    assert LeafLimits.of(Policy()) == LeafLimits(0, 0, 0)
