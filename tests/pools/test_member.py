"""Hosts and VMs as members of a pool: what is offered to whom, and what old records mean."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import EXAMPLES, example, made, names
from tests.support.pools import host as member_named
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.errors import InputError
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.hosts import compat_bits
from xenops_cpu.hosts.host import Featuresets
from xenops_cpu.hosts.membership import Membership
from xenops_cpu.hosts.offer import Offer
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.member import (
    Member,
    member_of,
    member_of_record,
    member_of_set,
    release_of_pool,
    unlike,
)
from xenops_cpu.pools.vm import Vm, guest_type, labels, wrong_kind

PV, HVM = GuestType.PV, GuestType.HVM
XS8 = release("xenserver-8-4.17.3-4")


@pytest.mark.parametrize(
    ("domain_type", "policy", "current", "guest"),
    [
        ("pv", None, "", GuestType.PV),
        ("hvm", None, "", GuestType.HVM),
        ("pvh", None, "", GuestType.HVM),
        ("pv_in_pvh", None, "", GuestType.HVM),
        (" PV_in_PVH ", None, "", GuestType.HVM),
        ("unspecified", "", "unspecified", GuestType.PV),
        ("", "", "", GuestType.PV),
        ("", "BIOS order", "", GuestType.HVM),
        ("unspecified", "BIOS order", "", GuestType.HVM),
        ("pv", "", "pv_in_pvh", GuestType.HVM),
        ("hvm", "BIOS order", "pv", GuestType.PV),
        ("unspecified", None, "", None),
        ("", None, "", None),
    ],
)
def test_whose_sets_count(
    domain_type: str, policy: str | None, current: str, guest: GuestType | None
) -> None:
    """PVH and PV-in-PVH guests have the HVM sets; how a VM runs counts before how it will boot; an
    old record tells PV by an empty HVM_boot_policy; without any of these it is not told.
    """
    assert guest_type(domain_type, policy, current) is guest


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_real_host(name: str) -> None:
    """Boot is Xen's default, migration its max; no HVM where the host runs none."""
    host = example(name)
    member = member_of(host, "h")
    assert member.boot(GuestType.PV) == host.featuresets.pv_default
    assert member.migration(GuestType.PV) == host.featuresets.pv_max
    assert (GuestType.HVM in member.offers) is host.hvm
    if not host.hvm:
        assert member.boot(GuestType.HVM) == member.migration(GuestType.HVM) == Featureset()
    assert member.release is host.release
    assert member.vendor == host.processor.vendor


def test_a_record_that_tells_the_most_only() -> None:
    """Where the boot set is not told, the migration set stands for both, and a note says so."""
    untold = Featureset()
    sets = Featuresets(untold, untold, untold, untold, pv_max=untold, hvm_max=names("FPU SSE"))
    member = member_of(evolve(made(), featuresets=sets), "h")
    assert list(member.offers) == [GuestType.HVM]
    assert member.boot(GuestType.HVM) == names("FPU SSE")
    assert "what a new HVM guest gets is not told: HVM max is taken" in member.notes


def test_limits_are_of_max_policies_only() -> None:
    """The host policy has fewer leaves than Xen takes in, so it is no limit."""
    policy = Policy.parse("00000000:ffffffff->00000016:00000000:00000000:00000000")
    assert member_of(evolve(made(), policies={"host": policy})).limits == {}
    limits = member_of(evolve(made(), policies={"hvm_max": policy})).limits
    assert limits[GuestType.HVM].basic == 0x16


def test_compatibility_bits_of_an_old_record() -> None:
    """False IBS, topology bits, VMX and the copies in leaf 80000001h, each with its origin."""
    seen = XS8.featureset(["FPU", "IBS", "HTT", "X2APIC", "VMX", "AVX"])
    seen |= Featureset(0x1 << 64, 22)  # FPU once more, as Xen 4.7 showed it
    vm = Vm("old", GuestType.HVM, seen, "GenuineIntel")
    found = {XS8.label(number): text for number, text in labels(vm, XS8).items()}
    assert found.keys() == {"IBS", "HTT", "X2APIC", "VMX", "<2*32+0>"}
    assert found["IBS"].startswith("Xen 4.7 showed it falsely")
    assert "leaf 80000001h" in found["<2*32+0>"]


def test_copies_of_leaf_1_are_those_that_amd_has() -> None:
    """Bits 0 to 9, 12 to 17, 23 and 24 of leaf 80000001h EDX; no other bit without a name."""
    unnamed = Featureset(1 << 10 | 0x138FFFFF << 64 | 1 << 110, XS8.length)
    copies = labels(Vm("old", HVM, unnamed, "AuthenticAMD"), XS8)
    assert list(copies) == [64 + bit for bit in (*range(10), *range(12, 18), 23, 24)]
    assert set(copies.values()) == {compat_bits.COMMON_REASON}


def test_labels_go_by_vendor_and_guest() -> None:
    """SVM and LWP are AMD's; a PV guest never had IBS, SVM or VMX for compatibility."""
    seen = XS8.featureset(["SVM", "LWP", "VMX", "IBS", "CMP_LEGACY"])

    def found(guest: GuestType, vendor: str) -> set[str]:
        return set(XS8.names(labels(Vm("v", guest, seen, vendor), XS8)))

    assert found(GuestType.HVM, "AuthenticAMD") == {"SVM", "LWP", "IBS", "CMP_LEGACY"}
    assert found(GuestType.HVM, "GenuineIntel") == {"VMX", "IBS", "CMP_LEGACY"}
    assert found(GuestType.PV, "AuthenticAMD") == {"CMP_LEGACY"}
    assert labels(Vm("v", GuestType.HVM), XS8) == {}


def test_a_pv_guest_with_an_hvm_set() -> None:
    """A record of the wrong kind shows by features that no PV guest gets."""
    xen = release("4.17")
    hvm_set = xen.featureset(["FPU", "VME", "PSE", "SSE"])
    assert xen.names(wrong_kind(Vm("v", GuestType.PV, hvm_set), xen)) == ["VME", "PSE"]
    assert not wrong_kind(Vm("v", GuestType.HVM, hvm_set), xen)
    assert not wrong_kind(Vm("v", GuestType.PV, xen.featureset(["FPU", "SSE"])), xen)
    assert not wrong_kind(Vm("v", GuestType.PV), xen)


def test_the_rules_are_the_newest_members_in_any_order() -> None:
    """Two builds of equal length, and a release that was only guessed, give one answer."""
    old, new = (
        member_named(name, "FPU", xen=name)
        for name in ("xenserver-8.2-4.13.5-9.39", "xenserver-8-4.17.3-4")
    )
    assert release_of_pool([old, new]) is release_of_pool([new, old]) is new.release
    sure = member_named("sure", "FPU", xen="4.17")
    guessed = evolve(member_named("guessed", "FPU", xen="4.19"), certain=False)
    assert release_of_pool([sure, guessed]) is release_of_pool([guessed, sure]) is sure.release
    assert release_of_pool([guessed]) is guessed.release


def test_equal_names_get_a_number() -> None:
    """Also where the number is a name already."""
    assert unlike(["a", "a", "a (2)", "a", "b"]) == ["a", "a (2)", "a (2) (2)", "a (3)", "b"]


RECORD = {
    "vendor": "GenuineIntel",
    "cpu_count": "8",
    "socket_count": "2",
    "features_pv": str(names("FPU SSE HLE")),
    "features_hvm": str(names("FPU SSE HLE RTM")),
    "features_pv_host": str(names("FPU")),
    "features_hvm_host": str(names("FPU SSE")),
}


def test_a_record_is_strict() -> None:
    """A count or a set that is none is refused, with the name of the host."""
    with pytest.raises(InputError, match=r"^h: cpu_count: "):
        member_of_record({**RECORD, "cpu_count": "x"}, "h")
    with pytest.raises(InputError, match=r"^h: there is no featureset of guests"):
        member_of_record({}, "h")


def test_all_of_a_record_is_in_the_member() -> None:
    """Name, vendor, counts and all four sets; the release follows from the words, not surely."""
    member = member_of_record(RECORD, "h")
    assert (member.name, member.vendor, member.certain) == ("h", "GenuineIntel", False)
    assert (member.cpu_count, member.socket_count) == (8, 2)
    assert [member.boot(guest) for guest in (PV, HVM)] == [names("FPU"), names("FPU SSE")]
    assert member.migration(PV) == names("FPU SSE HLE")
    assert member.migration(HVM) == names("FPU SSE HLE RTM")
    assert member.release is release("master")


@pytest.mark.parametrize(("hvm", "guests"), [(None, [PV, HVM]), (True, [PV, HVM]), (False, [PV])])
def test_the_caller_knows_whether_hvm_runs(hvm: bool | None, guests: list[GuestType]) -> None:
    """What the caller says counts; without a word the record's sets tell."""
    assert list(member_of_record(RECORD, "h", hvm=hvm).offers) == guests
    zero = {**RECORD, "features_hvm": "0" * 8, "features_hvm_host": "0" * 8}
    assert (HVM in member_of_record(zero, "h", hvm=hvm).offers) is (hvm is True)


def test_a_release_that_the_caller_assumes() -> None:
    """It is certain then; compatibility bits are those of XenServer's releases alone."""
    upstream = member_of_record(RECORD, "h", release("4.17"))
    assert (upstream.release, upstream.certain) == (release("4.17"), True)
    assert upstream.compat_bits == {}
    assert not any("the release is not told" in note for note in upstream.notes)
    boot, most = XS8.featureset(["FPU"]), XS8.featureset(["FPU", "IBS"])
    record = {
        "vendor": "GenuineIntel",
        "features_pv": str(boot), "features_pv_host": str(boot),
        "features_hvm": str(most), "features_hvm_host": str(boot),
    }  # fmt: skip
    citrix = member_of_record(record, "h", XS8)
    assert XS8.names(citrix.compat_bits[HVM]) == ["IBS"]
    assert member_of_record(record, "h", release("4.17")).compat_bits == {}


def test_a_host_of_which_one_set_is_known() -> None:
    """It stands for boot and migration of that guest type; the notes say what was assumed."""
    most = names("FPU SSE")
    member = member_of_set(most, "h", PV)
    assert member == Member(
        name="h",
        vendor="",
        release=release("master"),
        offers={PV: Offer(PV, most, most)},
        certain=False,
        notes=(
            "one featureset is known of it: what a new guest gets may be less",
            "the release is not told: by its 19 words, which Xen 4.17 to master have, names and "
            "rules are those of Xen master",
        ),
    )
    told = member_of_set(most, "h", PV, release("4.18"))
    assert (told.release, told.certain) == (release("4.18"), True)
    assert told.notes == member.notes[:1]
    assert len(member_of_set(Featureset(), "h", PV).notes) == 1


def test_a_hypervisor_that_is_not_known_whole() -> None:
    """A host that told some of its policies is no hypervisor to try a text on; nor is a record."""
    whole = example("epyc-xen-4.17")
    assert member_of(whole, "h").hypervisor() is not None
    some = {name: policy for name, policy in whole.policies.items() if name != "pv_default"}
    assert member_of(evolve(whole, policies=some), "h").hypervisor() is None
    assert member_of(made(), "h").hypervisor() is None


def test_all_of_a_host_is_in_the_member() -> None:
    """What was read of it goes along: limits of both policies, sets, UUID, pool, and the host."""
    most, least = (
        Policy.parse(f"00000000:ffffffff->{leaves:08x}:00000000:00000000:00000000")
        for leaves in (0x16, 0xD)
    )
    pool = Membership(pool="p", coordinator=True)
    host = evolve(made(notes=["a note"]), uuid="7c3b", membership=pool,
                  policies={"hvm_max": most, "hvm_default": least})  # fmt: skip

    def explain(name: str, number: int) -> str:
        return f"{name} lacks {number}"

    member = member_of(host, explain=explain)
    assert (member.name, member.uuid, member.membership) == ("made up", "7c3b", pool)
    assert (member.host, member.sets, member.explain) == (host, host.featuresets, explain)
    assert member.notes == ("a note",)
    assert member.compat_bits == {PV: {}, HVM: {}}
    assert (member.limits[HVM].basic, member.boot_limits[HVM].basic) == (0x16, 0xD)
    old = evolve(host, xen=evolve(host.xen, version="4.13"))
    assert member_of(old).limits == member_of(old).boot_limits  # one set of each, before 4.14
    assert member_of(host).certain
    for version in ("unknown", "4.99.0"):
        assert not member_of(evolve(host, xen=evolve(host.xen, version=version))).certain
    untold = evolve(host, featuresets=evolve(host.featuresets, raw=Featureset()))
    assert member_of(untold).sets is None


def test_which_guests_run() -> None:
    """Those of whom a set has features; HVM guests where the host says so, however little it
    offers them, and none where it runs none.
    """
    nothing = names("")
    sets = evolve(made().featuresets, hvm_default=nothing, hvm_max=nothing)
    assert list(member_of(evolve(made(), featuresets=sets)).offers) == [PV, HVM]
    sets = evolve(made().featuresets, pv_default=nothing, pv_max=nothing)
    assert list(member_of(evolve(made(), featuresets=sets)).offers) == [HVM]
    sets = evolve(made().featuresets, pv_default=nothing)
    assert list(member_of(evolve(made(), featuresets=sets)).offers) == [PV, HVM]
    assert list(member_of(evolve(made(), hvm=False)).offers) == [PV]


def test_a_record_that_lets_its_own_guests_in_no_more() -> None:
    """What xapi compares has to have what guests boot with; both are said, guest by guest."""
    odd = member_of_record({**RECORD, "features_hvm": str(names("FPU"))}, "h")
    assert odd.notes[-1:] == (
        "features_hvm lacks what features_hvm_host has (SSE): xapi looks at features_hvm alone, so "
        "a HVM guest that was started here could not come back",
    )
    both = {**RECORD, "features_hvm": str(names("")), "features_pv": str(names("HLE"))}
    assert [note.split(":")[0] for note in member_of_record(both, "h").notes[-2:]] == [
        "features_pv lacks what features_pv_host has (FPU)",
        "features_hvm lacks what features_hvm_host has (FPU SSE)",
    ]
    without = {key: text for key, text in RECORD.items() if key != "features_hvm"}
    assert "the record has no features_hvm: xapi migrates no HVM guest here" in (
        member_of_record(without, "h").notes
    )


def test_a_record_is_called_as_its_caller_calls_it() -> None:
    """The host as it was read has the name too; a pool of nobody has the newest rules."""
    member = member_of_record(RECORD, "h")
    assert member.host is not None
    assert (member.name, member.host.origin) == ("h", "h")
    assert release_of_pool([]) is release("master")


@pytest.mark.parametrize("length", [21, 22])
def test_a_release_that_is_assumed_counts_whatever_the_words(length: int) -> None:
    """22 words are XenServer's where Xen 4.17 has 19, and 21 are nobody's: the caller knows."""
    text = str(Featureset(names("FPU SSE").bits, length))
    record = {**RECORD, **{key: text for key in RECORD if key.startswith("features")}}
    member = member_of_record(record, "h", release("4.17"))
    assert member.host is not None
    assert member.host.release is not release("4.17")
    assert (member.release, member.certain, member.compat_bits) == (release("4.17"), True, {})
