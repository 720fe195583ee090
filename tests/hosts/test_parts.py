"""A host from what texts tell of it, part by part: nothing told is lost, nothing untold made up."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import made, names
from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy
from xenops_cpu.cpuid.words import featureset_policy
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.hosts import parts
from xenops_cpu.hosts.host import UNKNOWN, UNTOLD, Processor, Topology, Xen
from xenops_cpu.hosts.membership import Membership
from xenops_cpu.hosts.moment import Moment
from xenops_cpu.hosts.parts import Parts, of_host

XEN = release("4.17")
FPU, SSE, AVX = (names(name) for name in ("FPU", "SSE", "AVX"))
ALL_SETS = {
    "raw": names("FPU SSE AVX AVX2"),
    "host": names("FPU SSE AVX"),
    "pv_default": FPU,
    "hvm_default": SSE,
    "pv_max": names("FPU AVX"),
    "hvm_max": names("SSE AVX"),
}
EVERYTHING = Parts(
    name="host-7",
    uuid="0f1e",
    sets=ALL_SETS,
    policies={"raw": featureset_policy(ALL_SETS["raw"], XEN)},
    known={"known": XEN.masks["known"]},
    version="4.17.3",
    capabilities="xen-3.0-x86_64 hvm-3.0-x86_64",
    commandline="smt=0",
    processor=Processor(vendor="GenuineIntel", family="6"),
    topology=Topology(8, 4, 2, 3),
    iommu=True,
    hvm=True,
    notes=("a note",),
    microcode=0x2B,
    moment=Moment("2026-01-01T00:00:00Z", 7),
    membership=Membership("p", True, False, software={"xapi": "26.1"}),
)
# The leaves of an Intel CPU of family 6, model 85, stepping 4.
_SKYLAKE = {
    (0x0, NO_SUBLEAF): (0x16, 0x756E6547, 0x6C65746E, 0x49656E69),
    (0x1, NO_SUBLEAF): (0x00050654, 0, 0, 1),
}


def test_a_part_takes_nothing_from_an_empty_one() -> None:
    """Joined with nothing told, in either order, all that is told stays."""
    assert EVERYTHING | Parts() == EVERYTHING
    assert Parts() | EVERYTHING == EVERYTHING


@pytest.mark.parametrize(
    "name", ["name", "uuid", "known", "version", "capabilities", "commandline", "processor",
             "topology", "iommu", "hvm"],
)  # fmt: skip
def test_the_first_word_counts(name: str) -> None:
    """Where both parts tell the same thing, the left one's word is taken; else whoever tells."""
    other = Parts(
        name="other", uuid="1", known={"special": FPU}, version="4.18", capabilities="pv",
        commandline="tsx=0", processor=Processor(), topology=Topology(1, 1, 1, 1), iommu=False,
        hvm=False,
    )  # fmt: skip
    theirs, ours = getattr(other, name), getattr(EVERYTHING, name)
    assert getattr(EVERYTHING | other, name) == ours
    assert getattr(other | EVERYTHING, name) == theirs
    assert getattr(Parts() | other, name) == theirs
    assert getattr(other | Parts(), name) == theirs


def test_sets_policies_and_notes_are_joined() -> None:
    """By name, the left one's first; a note that both have is told once."""
    policies = {"raw": Policy(msrs={1: 1}), "host": Policy(msrs={2: 2})}
    left = Parts(sets={"raw": FPU}, policies={"raw": policies["raw"]}, notes=("a", "b"))
    right = Parts(sets={"raw": SSE, "host": AVX}, policies=policies, notes=("b", "c"))
    joined = left | right
    assert joined.sets == {"raw": FPU, "host": AVX}
    assert joined.policies == policies
    assert joined.notes == ("a", "b", "c")


def test_a_record_is_never_mixed_with_xens_own_sets() -> None:
    """Xen's sets count, whichever part comes first; two records stay a record."""
    xens, record = Parts(sets={"raw": FPU}), Parts(sets={"pv_max": SSE}, recorded=True)
    for joined in (xens | record, record | xens):
        assert (joined.sets, joined.recorded) == ({"raw": FPU}, False)
    both = record | Parts(sets={"hvm_max": AVX}, recorded=True)
    assert (both.sets, both.recorded) == ({"pv_max": SSE, "hvm_max": AVX}, True)
    assert (record | Parts(version="4.17")).recorded
    assert (Parts(version="4.17") | record).recorded
    assert not (xens | Parts(version="4.17")).recorded


@pytest.mark.parametrize(
    ("told", "enough"),
    [
        (Parts(sets={"raw": FPU}), True),
        (Parts(policies={"raw": Policy()}), True),
        (Parts(name="h", version="4.17"), False),
    ],
)
def test_what_is_enough_for_a_host(told: Parts, enough: bool) -> None:
    """Some set or some policy."""
    assert told.a_host is enough


def test_everything_told_is_in_the_host() -> None:
    """No part is lost or changes its place, and nothing is noted beside what was told."""
    host = parts.host(EVERYTHING, "from here")
    assert (host.origin, host.uuid, host.recorded) == ("from here", "0f1e", False)
    assert (host.xen.version, host.xen.commandline) == ("4.17.3", "smt=0")
    assert host.xen.capabilities == EVERYTHING.capabilities
    assert (host.processor, host.topology) == (EVERYTHING.processor, EVERYTHING.topology)
    assert (host.iommu, host.hvm) == (True, True)
    assert {name: host.featuresets.named(name) for name in ALL_SETS} == ALL_SETS
    assert host.policies == EVERYTHING.policies
    assert [note for note in host.notes if "4.17.3" not in note] == ["a note"]


def test_what_a_point_release_differs_in_is_noted() -> None:
    """The tables are the newest point release's; the note says which, and what came later."""
    note = parts.host(EVERYTHING, "h").notes[-1]
    assert note.startswith("Xen 4.17.3: names and rules are those of 4.17.")


def test_nothing_but_sets_and_nobody_says_which_xen() -> None:
    """The release is that of the number of words, and a note says so; the rest is untold."""
    host = parts.host(Parts(sets={"raw": FPU}), "h")
    assert host.xen.version == UNKNOWN
    assert host.release is release("master")
    assert (host.iommu, host.hvm) == (False, False)
    assert host.featuresets.host is host.featuresets.pv_default is UNTOLD
    assert host.featuresets.pv_max is host.featuresets.hvm_max is None
    assert host.processor == Processor()
    assert host.topology == Topology(0, 0, 0, 0)
    assert host.notes == (
        "the release is not told: by its 19 words, which Xen 4.17 to master have, names and rules "
        "are those of Xen master",
        "not told: the sets host, pv_default, hvm_default, pv_max, hvm_max",
        "not told: the counts of CPUs and sockets",
        "not told: whether there is an IOMMU",
    )


def test_a_release_without_max_sets_lacks_none() -> None:
    """Before 4.14 only raw, host and the two defaults can be told."""
    told = {name: names("FPU", "4.13") for name in ("raw", "host", "pv_default", "hvm_default")}
    host = parts.host(Parts(sets=told, version="4.13", topology=Topology(1, 1, 1, 1)), "h")
    assert host.notes == ("not told: whether there is an IOMMU",)
    del told["host"]
    host = parts.host(Parts(sets=told, version="4.13", topology=Topology(1, 1, 1, 1)), "h")
    assert host.notes[0] == "not told: the sets host"


def test_nothing_but_the_cpu() -> None:
    """A name alone is no host's featureset, and no release is guessed aloud from zero words."""
    host = parts.host(Parts(name="h", processor=Processor(vendor="GenuineIntel")), "h")
    assert host.notes[0] == "no featureset is told, only what CPU it is"
    assert not any("words" in note for note in host.notes)


@pytest.mark.parametrize(
    ("version", "known", "assumed", "expected"),
    [
        ("4.18", {}, "4.17", "4.18"),
        ("", {}, "4.18", "4.18"),
        ("", {"known": release("4.20").masks["known"]}, "4.17", "4.20"),
        ("", {"known": Featureset(1, 19)}, "4.17", "4.17"),
        ("4.17", {"known": release("4.20").masks["known"]}, None, "4.17"),
    ],
)
def test_whose_release_counts(
    version: str, known: dict[str, Featureset], assumed: str | None, expected: str
) -> None:
    """What the parts say, then whose static sets are printed, then what the caller assumes."""
    told = Parts(sets={"raw": FPU}, version=version, known=known)
    host = parts.host(told, "h", release(assumed) if assumed else None)
    assert host.release is release(expected)


def test_the_static_sets_tell_the_release() -> None:
    """The oldest release whose masks are all as printed; a note says where it was taken from."""
    masks = release("4.18").masks
    told = Parts(sets={"raw": FPU}, known={name: masks[name] for name in ("known", "pv_max")})
    host = parts.host(told, "h")
    assert host.xen.version == "4.18"
    assert host.notes[0] == "the version of Xen is taken from its static sets: Xen 4.18's"
    mixed = {"known": masks["known"], "pv_max": release("4.13").masks["pv_max"]}
    assert parts.host(evolve(told, known=mixed), "h").xen.version == UNKNOWN


def test_sets_are_made_from_policies() -> None:
    """Where only a policy is told; a set that is told counts before its policy."""
    policies = {name: featureset_policy(names("FPU SSE2"), XEN) for name in ("host", "pv_max")}
    host = parts.host(Parts(sets={"host": SSE}, policies=policies, version="4.17"), "h")
    assert host.featuresets.host == SSE
    assert host.featuresets.pv_max == names("FPU SSE2")
    assert (
        "sets are made from the policies: what Xen has in leaves beyond a policy's highest "
        "(VERW_CLEAR on AMD) does not show"
    ) in host.notes
    complete = parts.host(evolve(EVERYTHING, policies=policies), "h")
    assert not any("made from the policies" in note for note in complete.notes)


def test_a_policy_without_leaves_is_none() -> None:
    """It is not handed on, though its zero words stand for the set."""
    empty = {"raw": Policy(msrs={0x10A: 1}), "host": featureset_policy(FPU, XEN)}
    host = parts.host(Parts(policies=empty, version="4.17"), "h")
    assert list(host.policies) == ["host"]


def test_words_of_policies_alone_are_named_by_a_release() -> None:
    """Policies do not tell how many words there are: whose words are taken is said."""
    told = Parts(policies={"raw": featureset_policy(FPU, XEN)})
    notes = parts.host(told, "h").notes
    assert "the version of Xen is not told: words are those of Xen master" in notes
    versed = parts.host(evolve(told, version="4.17"), "h").notes
    assert not any("is not told: words" in note for note in versed)
    assert not any(
        "is not told: words" in note for note in parts.host(Parts(sets={"raw": FPU}), "h").notes
    )


@pytest.mark.parametrize(
    ("told", "hvm"),
    [
        (Parts(capabilities="xen-3.0-x86_64 hvm-3.0-x86_64"), True),
        (Parts(capabilities="xen-3.0-x86_64"), False),
        (Parts(sets={"hvm_default": FPU}), True),
        (Parts(sets={"hvm_max": FPU}), True),
        (Parts(sets={"hvm_max": Featureset(0, 19), "pv_max": FPU}), False),
        (Parts(sets={"hvm_max": FPU}, hvm=False), False),
        (Parts(hvm=True), True),
    ],
)
def test_whether_hvm_guests_run(told: Parts, hvm: bool) -> None:
    """As told; else by Xen's capabilities or by a set of theirs that has features."""
    assert parts.host(told, "h").hvm is hvm


def test_the_processor_of_a_policy() -> None:
    """CPUID's own word where nobody else told: the raw policy's first, else the host's."""
    amd = {
        **_SKYLAKE,
        (0x0, NO_SUBLEAF): (0xD, 0x68747541, 0x444D4163, 0x69746E65),
        (0x1, NO_SUBLEAF): (0x00800F12, 0, 0, 1),
    }
    both = {"raw": Policy(_SKYLAKE), "host": Policy(amd)}
    processor = parts.host(Parts(policies=both, version="4.17"), "h").processor
    assert processor == Processor("GenuineIntel", UNKNOWN, UNKNOWN, "6", "85", "4", UNKNOWN)
    broken = {"raw": Policy({(0x7, 0): (0, 0, 0, 0)}), "host": Policy(amd)}
    processor = parts.host(Parts(policies=broken, version="4.17"), "h").processor
    assert (processor.vendor, processor.family, processor.model) == ("AuthenticAMD", "23", "1")
    assert parts.host(Parts(policies={"pv_max": Policy(_SKYLAKE)}), "h").processor == Processor()
    told = Parts(policies=both, processor=Processor(vendor="told"), version="4.17")
    assert parts.host(told, "h").processor.vendor == "told"


def test_the_brand_of_a_policy() -> None:
    """The model's name comes from the leaves of the brand string."""
    brand = b"A CPU of ours".ljust(48, b"\0")
    words = [int.from_bytes(brand[at : at + 4], "little") for at in range(0, 48, 4)]
    leaves = {
        **_SKYLAKE,
        (0x80000000, NO_SUBLEAF): (0x80000004, 0, 0, 0),
        (0x80000002, NO_SUBLEAF): (words[0], words[1], words[2], words[3]),
        (0x80000003, NO_SUBLEAF): (words[4], words[5], words[6], words[7]),
        (0x80000004, NO_SUBLEAF): (words[8], words[9], words[10], words[11]),
    }
    host = parts.host(Parts(policies={"raw": Policy(leaves)}, version="4.17"), "h")
    assert host.processor.modelname == "A CPU of ours"


def test_a_host_taken_apart() -> None:
    """Each part that it tells, IOMMU and HVM in both ways; no note that is made of the parts."""
    host = evolve(made(notes=("a note",)), iommu=True, hvm=False, name="xs-01", uuid="u1",
                  microcode=0x2B)  # fmt: skip
    told = of_host(host)
    assert (told.iommu, told.hvm, told.recorded) == (True, False, False)
    assert of_host(evolve(host, iommu=False, hvm=True)).iommu is False
    assert of_host(evolve(host, hvm=True)).hvm is True
    assert (told.version, told.processor, told.topology) == (
        host.xen.version, host.processor, host.topology,
    )  # fmt: skip
    assert (told.name, told.uuid, told.microcode) == ("xs-01", "u1", 0x2B)
    assert told.notes == ("a note",)


def test_what_a_host_does_not_tell_is_no_part() -> None:
    """So that another source's word counts; a record says nothing of HVM, and counts no CPUs."""
    host = made(notes=("a note",))
    untold = Topology(cpu_count=0, socket_count=0, threads_per_core=0, nr_nodes=0)
    bare = of_host(
        evolve(host, xen=Xen(UNKNOWN), processor=Processor(), topology=untold, recorded=True)
    )
    assert (bare.version, bare.processor, bare.topology) == ("", None, None)
    assert (bare.iommu, bare.hvm, bare.recorded) == (None, None, True)
    again = parts.host(bare, "x")
    assert any(note.startswith("not told: ") for note in again.notes)
    assert of_host(again).notes == ("a note",)
    no_sets = evolve(host.featuresets, pv_max=None, hvm_max=Featureset())
    assert set(of_host(evolve(host, featuresets=no_sets)).sets) == {
        "raw", "host", "pv_default", "hvm_default",
    }  # fmt: skip


def test_when_two_parts_were_read() -> None:
    """The first one's moment, where it has one."""
    early, late = Parts(moment=Moment("2026-01-01T00:00:00Z")), Parts(moment=Moment("", 5))
    assert (late | early).moment == late.moment
    assert (early | late).moment == early.moment


def test_a_host_keeps_all_that_its_parts_tell() -> None:
    """Also when it was read and how its pool has it; taken apart it tells the same again."""
    whole = parts.host(EVERYTHING, "here")
    assert (whole.moment, whole.membership) == (EVERYTHING.moment, EVERYTHING.membership)
    apart = of_host(whole)
    assert (apart.moment, apart.membership) == (EVERYTHING.moment, EVERYTHING.membership)


@pytest.mark.parametrize("name", ["raw", "host", "pv_default", "hvm_default"])
def test_a_set_that_every_xen_has_and_nobody_told(name: str) -> None:
    """It is there without words, not None, which stands for a set that this Xen has not."""
    told = {key: value for key, value in ALL_SETS.items() if key != name}
    assert parts.host(Parts(sets=told), "here").featuresets.named(name) == UNTOLD
