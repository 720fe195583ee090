"""The graded verdict: each grade, its words, and a fleet at once."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests import SHARED, needs_shared
from tests.pools.test_levelling import of_words
from tests.support.hosts import made, names
from tests.support.pools import host as pools_host
from tests.support.pools import mixed, real
from xenops_cpu.cpuid.limits import LeafLimits
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.hosts.offer import Offer
from xenops_cpu.interface import GuestType, Verdict
from xenops_cpu.pools import arrival, verdict
from xenops_cpu.pools.advice import OWN
from xenops_cpu.pools.grid import VERDICTS, grid
from xenops_cpu.pools.member import Member, member_of, member_of_record
from xenops_cpu.pools.plan import started_at_level
from xenops_cpu.pools.verdict import UNSEEN, Answer, check, check_all
from xenops_cpu.pools.vm import Vm, of_flags, started_on
from xenops_cpu.text.notebook import table

PV, HVM = GuestType.PV, GuestType.HVM
XEN = release("4.17")
INTEL, AMD = "GenuineIntel", "AuthenticAMD"
HOST = member_of(made(default="FPU SSE", max_="FPU SSE HLE RTM"), "h")


def vm(features: str | None, guest: GuestType = HVM, vendor: str = INTEL) -> Vm:
    return Vm("v", guest, None if features is None else names(features), vendor)


@pytest.mark.parametrize(
    ("features", "verdict", "code"),
    [
        (None, Verdict.BOOTS, 0),
        ("FPU", Verdict.MIGRATES, 0),
        ("FPU SSE", Verdict.MIGRATES, 0),
        ("FPU SSE RTM", Verdict.ONLY_BY_MAX, 11),
        ("FPU SSE RTM AVX", Verdict.ONLY_BY_FORCE, 12),
        ("AVX", Verdict.ONLY_BY_FORCE, 12),
    ],
)
def test_grades(features: str | None, verdict: Verdict, code: int) -> None:
    """Nothing seen: boots. Within boot, within migration, beyond: each its own grade and code."""
    answer = check(vm(features), HOST)
    assert answer.verdict is verdict
    assert answer.grade.exit_code == code
    assert answer.grade.allowed is (code < 12)
    assert answer.grade.sentence


def test_what_no_host_can_hide_keeps_nobody_out() -> None:
    """How the CPU saves x87 state is in every guest's policy and in no host's offer: it is not
    missing. In a record of xapi's it would be: xapi compares words as they stand.
    """
    seen = vm("FPU SSE FDP_EXCP_ONLY NO_FPU_SEL")
    assert check(seen, HOST).verdict is Verdict.ONLY_BY_FORCE
    known = evolve(seen, policy=Policy({(1, 0): (1, 2, 3, 4)}))
    assert check(known, HOST).verdict is Verdict.MIGRATES
    for order in ([seen, known], [known, seen, known]):
        assert [answer.verdict for answer in check_all(order, [HOST])] == [
            check(one, HOST).verdict for one in order
        ]


def test_all_missing_features_of_all_words() -> None:
    """By name, in bit order, each with reason, risk and remedy."""
    answer = check(vm("FPU AVX AVX512F RTM GDS_NO"), HOST)
    assert [item.name for item in answer.missing] == ["AVX", "AVX512F", "GDS_NO"]
    assert [item.name for item in answer.only_by_max] == ["RTM"]
    assert all(item.reason and item.risk and item.remedy for item in answer.missing)
    assert "only another CPU, firmware setting or microcode can bring it" in answer.remedies
    assert answer.remedies[-1] == (
        "shut it down and start it on this host: it then gets what is given here"
    )
    assert "HVM max" in answer.compared


def test_another_vendor_is_impossible() -> None:
    """However well the features fit; an unknown vendor is noted instead."""
    answer = check(vm("FPU", vendor=AMD), HOST)
    assert answer.verdict is Verdict.IMPOSSIBLE
    assert answer.problems == (
        "the VM was started on a CPU of AuthenticAMD, the host has one of GenuineIntel: "
        "xapi refuses that",
    )
    unknown = check(vm("FPU", vendor=""), HOST)
    assert unknown.verdict is Verdict.MIGRATES
    assert "the vendors were not compared: one is not known" in unknown.notes


def test_a_vm_that_is_shut_down_may_change_vendors() -> None:
    """It has seen nothing that binds it."""
    assert check(vm(None, vendor=AMD), HOST).verdict is Verdict.BOOTS


def test_no_such_guests_here() -> None:
    """A host without HVM takes neither running nor new HVM guests; the remedy is another host."""
    without = evolve(HOST, offers={PV: HOST.offers[PV]})
    for features in (None, "FPU"):
        answer = check(vm(features), without)
        assert answer.verdict is Verdict.IMPOSSIBLE
        assert answer.problems == ("the host runs no HVM guests",)
        assert answer.remedies == ("choose a host that runs HVM guests",)
    assert check(vm("FPU", PV), without).verdict is Verdict.MIGRATES


def test_the_sets_of_the_guests_type_are_compared() -> None:
    """What HVM guests are offered does not help a PV guest."""
    offers = {PV: Offer(GuestType.PV, names("FPU"), names("FPU")), HVM: HOST.offers[HVM]}
    host = evolve(HOST, offers=offers)
    assert check(vm("FPU SSE", PV), host).verdict is Verdict.ONLY_BY_FORCE
    assert check(vm("FPU SSE", HVM), host).verdict is Verdict.MIGRATES


def test_leaf_limits_count_where_both_are_known() -> None:
    """Features that fit do not help when the highest leaf is too high: Xen refuses the policy."""
    host = evolve(HOST, limits={HVM: LeafLimits(0xD, 0, 0x80000008)})
    high = evolve(vm("FPU"), limits=LeafLimits(0xD, 2, 0x80000008))
    answer = check(high, host)
    assert answer.verdict is Verdict.IMPOSSIBLE
    assert (
        "highest subleaf of CPUID leaf 7 is 0x2, the host's 0x0: Xen refuses" in answer.problems[0]
    )
    assert check(high, HOST).verdict is Verdict.MIGRATES
    assert any("leaves were not compared" in note for note in check(high, HOST).notes)


def test_shorter_and_longer_sets() -> None:
    """Missing words read as zero, on either side, and longer ones are not cut."""
    short = Vm("v", HVM, Featureset.parse("00000001"), INTEL)
    assert check(short, HOST).verdict is Verdict.MIGRATES
    long = Vm("v", HVM, Featureset.of_features([0, 21 * 32], 22), INTEL)
    answer = check(long, HOST)
    assert answer.verdict is Verdict.ONLY_BY_FORCE
    assert [item.name for item in answer.missing] == ["<21*32+0>"]


def test_a_halted_vm_boots_wherever_its_type_runs() -> None:
    """Whatever its record remembers, of whatever vendor: xapi checks nothing then."""
    halted = evolve(vm("FPU AVX", vendor=AMD), halted=True)
    assert check(halted, HOST).verdict is Verdict.BOOTS
    assert "shut down" in check(halted, HOST).compared
    without = evolve(HOST, offers={PV: HOST.offers[PV]})
    answer = check(halted, without)
    assert answer.verdict is Verdict.IMPOSSIBLE
    assert answer.compared == "nothing: the host runs no HVM guests"


def test_bits_of_a_level_cost_nothing() -> None:
    """What is OR-ed across a pool, RSBA and RRSBA, and AMD's copies are no "only by max"; one line
    names them. RTM beside them still is.
    """
    most = names("FPU SSE RTM MD_CLEAR RRSBA") | Featureset(1 << 64, 19)
    host = evolve(HOST, offers={HVM: Offer(HVM, names("FPU SSE"), most)})
    seen = evolve(vm(None), features=names("FPU MD_CLEAR RRSBA") | Featureset(1 << 64, 19))
    answer = check(seen, host)
    assert (answer.verdict, answer.only_by_max) == (Verdict.MIGRATES, ())
    assert any("MD_CLEAR RRSBA" in note and "<2*32+0>" in note for note in answer.notes)
    both = check(evolve(seen, features=names("FPU MD_CLEAR RTM")), host)
    assert both.verdict is Verdict.ONLY_BY_MAX
    assert [item.name for item in both.only_by_max] == ["RTM"]


def test_a_vm_at_the_pools_level_needs_no_max() -> None:
    """On real hosts that differ, a VM that was started at their level migrates plainly."""
    members = mixed()
    for guest in GuestType:
        started = started_at_level(members, guest)
        assert started is not None
        assert {check(started, member).verdict for member in members} == {Verdict.MIGRATES}


def test_a_record_without_the_migration_key_is_refused() -> None:
    """xapi says "Host does not have new leveling feature keys", whatever boot has."""
    old = member_of_record({"features_pv": "1", "features_hvm_host": str(names("FPU"))}, "old", XEN)
    answer = check(vm("FPU"), old)
    assert answer.verdict is Verdict.ONLY_BY_FORCE
    assert "features_hvm" in answer.problems[0]
    assert "leveling feature keys" in answer.problems[0]
    assert check(vm(None), old).verdict is Verdict.BOOTS


def test_xapi_looks_at_the_migration_key_alone() -> None:
    """What only features_hvm_host has does not let a VM in, not even one started there."""
    record = {"features_hvm": str(names("FPU")), "features_hvm_host": str(names("FPU SSE"))}
    odd = member_of_record(record, "odd", XEN)
    answer = check(vm("FPU SSE", vendor=""), odd)
    assert answer.verdict is Verdict.ONLY_BY_FORCE
    assert [item.name for item in answer.missing] == ["SSE"]
    assert any("xapi looks at features_hvm alone" in note for note in odd.notes)


def test_four_words_in_an_order_of_their_own() -> None:
    """Today's xapi compares a XenServer 6 record as it stands: refused, though in order it fits."""
    words = "0098e3fd-bfebfbff-00000001-20100800"
    seen = of_flags({"vendor": INTEL, "features": words}, "v", HVM)
    every = Featureset((1 << 19 * 32) - 1, 19)
    assert check(seen, evolve(HOST, offers={HVM: Offer(HVM, every, every)})).grade.exit_code == 0
    assert seen.features is not None
    less = every - Featureset.of_features([63], 19)  # which the record has at another place
    assert seen.features <= less
    answer = check(seen, evolve(HOST, offers={HVM: Offer(HVM, less, less)}))
    assert (answer.verdict, answer.missing) == (Verdict.ONLY_BY_FORCE, ())
    assert "xapi 22.7 and later" in answer.problems[0]


def test_where_else_it_can_go_is_told() -> None:
    """Of several hosts, those that take it in are named as a remedy; of none, nothing is."""
    good = evolve(HOST, name="good", offers={HVM: Offer(HVM, names("FPU AVX"), names("FPU AVX"))})
    answers = check_all([vm("FPU AVX")], [HOST, good])
    assert answers[0].remedies[-1] == "or move it to good, which can take it in"
    assert answers[1].remedies == ()
    (alone,) = check_all([vm("FPU AVX")], [HOST])
    assert not any("move it" in remedy for remedy in alone.remedies)


def test_bits_of_old_records_are_labelled() -> None:
    """A VM that lacks such bits only is told that force is harmless as far as they go."""
    answer = check(vm("FPU IBS"), HOST)
    assert answer.verdict is Verdict.ONLY_BY_FORCE
    assert answer.missing[0].compatibility.startswith("Xen 4.7 showed it falsely")
    assert answer.missing[0].risk.startswith("none known")
    assert any("forcing the migration is harmless" in remedy for remedy in answer.remedies)
    assert not any("harmless" in remedy for remedy in check(vm("IBS AVX"), HOST).remedies)


def test_a_record_of_the_wrong_kind_is_noted() -> None:
    """A PV guest with HVM features is suspected of a changed domain type."""
    answer = check(vm("FPU VME PSE", PV), HOST)
    assert any("no PV featureset" in note and "VME PSE" in note for note in answer.notes)


def test_what_no_comparison_sees_is_said() -> None:
    """MSRs outside the featureset come first: they differ between hosts that seem the same."""
    assert "model-specific registers" in UNSEEN[0]


FEATURES = st.one_of(
    st.none(), st.lists(st.sampled_from([0, 25, 60, 164, 171, 298]), max_size=6)
).map(lambda numbers: None if numbers is None else Featureset.of_features(numbers, 19))
GUESTS = st.sampled_from(GuestType)
VMS = st.builds(
    Vm,
    name=st.just("v"),
    guest=GUESTS,
    features=FEATURES,
    vendor=st.sampled_from(["", INTEL, AMD]),
    limits=st.sampled_from([None, LeafLimits(13, 0, 0), LeafLimits(13, 2, 0)]),
    halted=st.booleans(),
    stored=st.sampled_from([None, Featureset.of_features([25], 4)]),
)
SETS = st.lists(st.sampled_from([0, 25, 60, 164, 171, 298]), max_size=6).map(
    lambda numbers: Featureset.of_features(numbers, 19)
)
OFFERS = st.dictionaries(
    GUESTS, st.builds(Offer, st.just(HVM), SETS, SETS, joined=st.booleans()), max_size=2
)
HOSTS = st.builds(
    Member,
    name=st.just("h"),
    vendor=st.sampled_from(["", INTEL, AMD]),
    release=st.just(XEN),
    offers=OFFERS,
    limits=st.dictionaries(GUESTS, st.just(LeafLimits(13, 1, 0)), max_size=2),
)


@given(st.lists(VMS, max_size=5), st.lists(HOSTS, max_size=5))
def test_the_grid_is_check_for_each(vms: list[Vm], hosts: list[Member]) -> None:
    """Looking at kinds once gives what looking at each VM on each host gives."""
    found = grid(vms, hosts)
    for i, one in enumerate(vms):
        for j, host in enumerate(hosts):
            assert found.verdict(i, j) is check(one, host).verdict
    assert sum(found.counts().values()) == len(vms) * len(hosts)


@given(VMS, HOSTS)
def test_a_verdict_has_its_grounds(one: Vm, host: Member) -> None:
    """Where it is impossible there are problems; by force there are these or missing features."""
    answer = check(one, host)
    if answer.verdict is Verdict.IMPOSSIBLE:
        assert answer.problems
    else:
        assert (answer.verdict is Verdict.ONLY_BY_FORCE) is bool(answer.missing or answer.problems)
    if answer.verdict is Verdict.ONLY_BY_MAX:
        assert answer.only_by_max
    assert bool(answer.remedies) is not answer.grade.allowed


def test_the_grid_tells_vms_apart_by_what_they_boot_with() -> None:
    """A featureset of a VM's own may have words that the host does not know; another VM's not."""
    new = Vm("new", HVM)
    long = evolve(new, own=Featureset(1 << 30 * 32, 31))
    for vms in ([new, long], [long, new]):
        verdicts = [row[0] for row in grid(vms, [HOST]).rows]
        assert [VERDICTS[code] for code in verdicts] == [check(one, HOST).verdict for one in vms]
        assert len(set(verdicts)) == 2


def test_the_grid_compares_stored_words_as_they_stand() -> None:
    """As xapi does with those of XenServer 6, whatever they mean."""
    old = evolve(vm("FPU"), stored=names("FPU AVX"))
    assert check(old, HOST).verdict is Verdict.ONLY_BY_FORCE
    assert grid([old], [HOST]).verdict(0, 0) is Verdict.ONLY_BY_FORCE


def test_progress_is_told() -> None:
    """After each VM, the number of VMs done."""
    told: list[int] = []
    grid([vm("FPU"), vm("SSE"), vm("FPU")], [HOST], told.append)
    assert told == [1, 2, 3]


@needs_shared
def test_allowed_where_libxc_is_content() -> None:
    """On every vector of XenServer's libxc, a host lets in just what libxc calls compatible."""
    vectors = (SHARED / "xen" / "golden" / "compatible.jsonl").read_text().splitlines()
    for record in map(json.loads, vectors):
        offered = of_words(record["host_fs"])
        host = Member("h", INTEL, XEN, {HVM: Offer(GuestType.HVM, Featureset(), offered)})
        answer = check(Vm("v", HVM, of_words(record["vm"]), INTEL), host)
        assert answer.grade.allowed is record["compatible"]


def test_vendors_that_are_not_known_are_not_compared() -> None:
    """Where the host's vendor or the VM's is not known, features decide, and a note says so."""
    note = "the vendors were not compared: one is not known"
    nameless = evolve(HOST, vendor="")
    for one, member in ((vm("FPU"), nameless), (vm("FPU", vendor=""), HOST)):
        answer = check(one, member)
        assert answer.verdict is Verdict.MIGRATES
        assert note in answer.notes
        assert grid([one], [member]).verdict(0, 0) is Verdict.MIGRATES
    assert note not in check(vm("FPU"), HOST).notes
    assert check(vm("FPU"), evolve(HOST, vendor=AMD)).verdict is Verdict.IMPOSSIBLE


def test_what_differs_between_hosts_is_never_taken_for_alike() -> None:
    """Limits, compatibility bits, reasons, sets, releases and vendors: each has its own answer."""
    seen = evolve(vm("FPU SSE AVX RTM"), limits=LeafLimits(13, 2, 0))
    rtm = XEN.features["RTM"].number
    members = [
        HOST,
        evolve(HOST, name="limits", limits={HVM: LeafLimits(13, 1, 0)}),
        evolve(HOST, name="bits", compat_bits={HVM: {rtm: "an old bit"}}),
        evolve(HOST, name="reasons", explain=lambda name, number: f"{name} {number}"),
        evolve(HOST, name="others", explain=lambda name, number: "another reason"),
        evolve(HOST, name="sets", sets=None),
        evolve(HOST, name="release", release=release("4.13")),
        evolve(HOST, name="vendor", vendor=AMD),
    ]
    together = check_all([seen], members)
    for answer, member in zip(together, members, strict=True):
        alone = check(seen, member)
        assert (answer.vm, answer.host) == (seen, member)
        assert answer.verdict is alone.verdict
        assert answer.missing == alone.missing
        assert answer.only_by_max == alone.only_by_max
        assert answer.notes == alone.notes


def test_vms_and_hosts_that_are_alike_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kinds of VM on two kinds of host are four questions, however many there are of each."""
    asked = []

    def counted(one: Vm, member: Member) -> Answer:
        asked.append((one.name, member.name))
        return check(one, member)

    monkeypatch.setattr(verdict, "check", counted)
    vms = [evolve(vm(text), name=f"v{i}", uuid=str(i), home=str(i), source=str(i))
           for i, text in enumerate(["FPU", "FPU AVX"] * 3)]  # fmt: skip
    policies = [Policy({(1, 0): (number, 0, 0, 0)}) for number in (1, 2)]
    other = evolve(HOST, vendor="")
    hosts = [evolve(each, name=f"h{i}") for i, each in enumerate([HOST, other] * 2)]
    answers = check_all(vms, hosts)
    assert len(asked) == 4
    assert [(a.vm, a.host) for a in answers] == [(one, member) for one in vms for member in hosts]
    asked.clear()
    check_all([evolve(vm("FPU"), policy=policy) for policy in policies], [HOST])
    assert len(asked) == 1  # their features are what is compared


@pytest.mark.parametrize(
    ("takers", "remedy"),
    [
        (1, "or move it to h1, which can take it in"),
        (3, "or move it to h1, h2, h3, which can take it in"),
        (4, "or move it to h1, h2, h3 and others, which can take it in"),
        (5, "or move it to h1, h2, h3 and others, which can take it in"),
    ],
)
def test_other_hosts_word_for_word(takers: int, remedy: str) -> None:
    """Up to three are named."""
    offer = {HVM: Offer(HVM, names("FPU AVX"), names("FPU AVX"))}
    good = [evolve(HOST, name=f"h{number}", offers=offer) for number in range(1, takers + 1)]
    assert check_all([vm("FPU AVX")], [HOST, *good])[0].remedies[-1] == remedy


def test_why_old_words_are_refused() -> None:
    """The whole sentence, which names the two ages of xapi."""
    flags = {"vendor": INTEL, "features": "0098e3fd-bfebfbff-00000001-20100800"}
    old = of_flags(flags, "v", HVM)
    everything = Featureset(XEN.masks["hvm_hap_max"].bits, 19)
    offer = {HVM: Offer(HVM, everything, everything)}
    answer = check(old, evolve(HOST, offers=offer))
    assert answer.verdict is Verdict.ONLY_BY_FORCE
    assert answer.problems == (
        "the VM's record has four words in XenServer 6's order: xapi 22.7 and later compares them "
        "as they stand and refuses; older xapi put them in order first",
    )


def test_a_host_without_the_migration_key_refuses_in_the_grid_too() -> None:
    """Nothing is known to be taken in there, so every VM that has seen something needs force."""
    offer = {HVM: Offer(HVM, names("FPU"), Featureset(), joined=False)}
    untold = evolve(HOST, offers=offer)
    for one in (vm("FPU"), vm(""), vm(None)):
        assert grid([one], [untold]).verdict(0, 0) is check(one, untold).verdict
    assert check(vm("FPU"), untold).verdict is Verdict.ONLY_BY_FORCE
    assert check(vm(None), untold).verdict is Verdict.BOOTS


def test_a_note_is_told_once() -> None:
    """What the VM's reader said already is not said again; notes keep their order."""
    own = evolve(vm("FPU"), own=names("FPU"), notes=("first", OWN, "first"))
    notes = check(own, member_of(made(), "h")).notes
    assert notes[:2] == ("first", OWN)
    assert len(set(notes)) == len(notes) > 2


def test_a_remedy_is_told_once() -> None:
    """Features that come back by the same change have one remedy between them."""
    remedies = check(vm("FPU AVX AVX2"), real("xeon-gold-6154+as-dumped")).remedies
    assert len(set(remedies)) == len(remedies)


def test_who_refuses_another_vendor_differs_by_release() -> None:
    """Xen itself from 4.22 on; before it xapi alone."""
    (before,) = check(vm("FPU", vendor=AMD), HOST).problems
    newest = evolve(HOST, release=release("master"))
    (after,) = check(vm("FPU", vendor=AMD), newest).problems
    assert before.endswith("xapi refuses that")
    assert after.endswith("Xen refuses that")


def test_the_subleaf_of_leaf_7_is_compared_from_4_15_on() -> None:
    """4.14 takes in a VM whose subleaf is higher, and refuses its other limits."""
    most = {HVM: LeafLimits(0xD, 0, 0x80000008)}
    old = evolve(HOST, release=release("4.14"), limits=most)
    new = evolve(HOST, release=release("4.15"), limits=most)
    subleaf = evolve(vm("FPU"), limits=LeafLimits(0xD, 2, 0x80000008))
    assert check(subleaf, old).verdict is Verdict.MIGRATES
    assert check(subleaf, new).verdict is Verdict.IMPOSSIBLE
    leaf = evolve(vm("FPU"), limits=LeafLimits(0x14, 0, 0x80000008))
    assert check(leaf, old).verdict is Verdict.IMPOSSIBLE


def test_limits_of_a_vm_that_brings_no_policy_are_not_compared() -> None:
    """From 4.13 the host makes a new policy; of a VM that goes back to it, that is said."""
    host = evolve(HOST, limits={HVM: LeafLimits(0xD, 0, 0x80000008)})
    high = evolve(vm("FPU"), limits=LeafLimits(0x14, 0, 0x80000008), origin="4.13")
    answer = check(high, host)
    assert answer.verdict is Verdict.MIGRATES
    assert any("Xen 4.13 sends no CPU policy" in note for note in answer.notes)
    (verdicts,) = grid([high], [host]).rows
    assert VERDICTS[verdicts[0]] is answer.verdict
    newer = evolve(high, origin="4.17")
    assert check(newer, host).verdict is Verdict.IMPOSSIBLE
    back = check(evolve(newer, limits=None), evolve(host, release=release("4.13")))
    assert any("no VM goes back" in note for note in back.notes)


def test_what_was_compared_word_for_word() -> None:
    """Both sets by their name, whether the host or a record of it said what migration is."""
    what = "what the VM has seen since it booted with what the host takes in"
    xapi = "as xapi 22.7 and later compares"
    assert check(vm("FPU"), HOST).compared == f"{what} (HVM max or boot), {xapi}"
    told = Offer(HVM, names("FPU"), names("FPU"), joined=False)
    recorded = evolve(HOST, offers={HVM: told})
    assert check(vm("FPU"), recorded).compared == f"{what} (HVM migration set), {xapi}"
    assert check(vm(None), HOST).vm == vm(None)
    assert check(vm(None), HOST).host is HOST
    assert check(vm(None), HOST).compared == (
        "nothing: the VM has seen no features yet, it gets what the host gives"
    )
    assert check(evolve(vm("FPU"), halted=True), HOST).compared == (
        "nothing: the VM is shut down, it gets what is given where it starts"
    )


def test_notes_word_for_word() -> None:
    """Of what costs nothing, a record of the wrong kind, and what was not compared; in order."""
    most = names("FPU SSE MD_CLEAR")
    host = evolve(HOST, offers={HVM: Offer(HVM, names("FPU SSE"), most)}, vendor="")
    assert check(vm("FPU MD_CLEAR"), host).notes == (
        "taken in though not given at boot, because hosts of a pool may differ in it: MD_CLEAR",
        "the highest CPUID leaves were not compared: no policy is known",
        "the vendors were not compared: one is not known",
    )
    assert check(vm("FPU VME PSE", PV), HOST).notes[0] == (
        "the record is no PV featureset, for Xen offers these to HVM guests only: VME PSE; was the "
        "VM's domain type changed?"
    )
    limits = LeafLimits(0xD, 0, 0x80000008)
    known = evolve(HOST, limits={HVM: limits})
    assert check(evolve(vm("FPU"), limits=limits), known).notes == ()
    assert len(check(vm("FPU"), known).notes) == 1
    other = evolve(HOST, limits={PV: limits})
    assert len(check(evolve(vm("FPU"), limits=limits), other).notes) == 1


def test_a_featureset_of_its_own() -> None:
    """It is told wherever the VM goes, with what of it a host would not give; to be taken away
    before a restart helps.
    """
    lost = "of that it would not get here: AVX"
    own = evolve(vm("FPU AVX"), own=names("FPU AVX"))
    answer = check(own, HOST)
    assert answer.notes[:2] == (OWN, lost)
    assert answer.remedies[-2:] == (
        "take its own featureset away first (xe vm-param-remove param-name=platform "
        "param-key=featureset), else a restart brings it back",
        "shut it down and start it on this host: it then gets what is given here",
    )
    fresh = evolve(own, features=None, notes=("a note",))
    assert check(fresh, HOST).notes == ("a note", OWN, lost)
    two = evolve(own, own=names("FPU AVX SSE3"))
    assert check(two, HOST).notes[1] == "of that it would not get here: SSE3 AVX"
    within = evolve(vm("FPU"), own=names("FPU RTM"))
    assert lost not in check(within, HOST).notes
    assert OWN in check(within, HOST).notes
    assert not any("take its own" in remedy for remedy in check(vm("FPU AVX"), HOST).remedies)


def test_an_old_bit_that_the_host_takes_in_is_told_as_such() -> None:
    """IBS in a record that a host takes in and does not give is no feature that the VM uses."""
    host = evolve(HOST, offers={HVM: Offer(HVM, names("FPU"), names("FPU IBS RTM"))})
    bits = {item.name: item for item in check(vm("FPU IBS RTM"), host).only_by_max}
    assert bits["IBS"].compatibility.startswith("Xen 4.7 showed it falsely")
    assert bits["RTM"].compatibility == ""
    (lacking,) = check(vm("FPU AVX"), HOST).missing
    assert lacking.compatibility == ""


def test_a_bit_that_a_host_adds_for_old_vms() -> None:
    """Why XenServer's libxc added it there is the reason, for that guest type alone."""
    rtm = XEN.features["RTM"].number
    adding = evolve(HOST, compat_bits={HVM: {rtm: "hidden by default"}, PV: {rtm: "another"}})
    (item,) = check(vm("FPU RTM"), adding).only_by_max
    assert (item.reason, item.compatibility) == ("hidden by default", "hidden by default")


def test_the_host_on_which_a_vm_runs() -> None:
    """There the verdict is on its coming back."""
    at_home = evolve(HOST, uuid="u1")
    assert check(evolve(vm("FPU"), home="u1"), at_home).here
    assert not check(evolve(vm("FPU"), home="u2"), at_home).here


def test_the_topology_of_a_guest_is_its_own() -> None:
    """libxc sets HTT in a policy, whatever the host gives at boot: it has no price. In a record it
    is what a host gave.
    """
    host = evolve(HOST, offers={HVM: Offer(HVM, names("FPU"), names("FPU HTT"))})
    known = evolve(vm("FPU HTT"), policy=Policy({(1, 0): (1, 2, 3, 4)}))
    answer = check(known, host)
    assert answer.verdict is Verdict.MIGRATES
    assert (
        answer.notes[0] == "of the guest's own topology, which this host does not give at boot: HTT"
    )
    assert check(vm("FPU HTT"), host).verdict is Verdict.ONLY_BY_MAX
    verdicts = grid([known, vm("FPU HTT")], [host])
    assert [verdicts.verdict(row, 0) for row in (0, 1)] == [Verdict.MIGRATES, Verdict.ONLY_BY_MAX]
    assert check(known, HOST).verdict is Verdict.ONLY_BY_FORCE  # which takes no HTT in


def test_what_has_no_name_is_not_free() -> None:
    """A bit that no release names, taken in and not given at boot, is "only by max"; AMD's copies
    of leaf 1 are not.
    """
    unnamed = Featureset.of_features([18 * 32 + 31], 19)
    assert XEN.feature(18 * 32 + 31) is None
    host = evolve(HOST, offers={HVM: Offer(HVM, names("FPU"), names("FPU") | unnamed)})
    answer = check(evolve(vm("FPU"), features=names("FPU") | unnamed), host)
    assert answer.verdict is Verdict.ONLY_BY_MAX


def test_the_harmless_remedy_word_for_word() -> None:
    """Force is called harmless only where every missing bit is one of old records."""
    sentence = (
        "what is missing are bits of old records only: forcing the migration is harmless as far as "
        "they go"
    )
    assert sentence in check(vm("FPU IBS"), HOST).remedies
    assert sentence not in check(vm("FPU IBS AVX"), HOST).remedies
    # The features fit, and xapi refuses all the same: nothing is missing that could be harmless.
    old = member_of_record({"features_pv": "1", "features_hvm_host": str(names("FPU"))}, "old", XEN)
    assert sentence not in check(vm(""), old).remedies


def test_what_brings_a_feature_is_no_help_against_another_vendor() -> None:
    """Where the VM cannot go whatever it lacks, only a shutdown is named."""
    answer = check(vm("FPU AVX", vendor=AMD), HOST)
    assert [item.name for item in answer.missing] == ["AVX"]
    assert answer.remedies == (
        "shut it down and start it on this host: it then gets what is given here",
    )


def test_an_answer_for_people() -> None:
    """The first five names, and a sign that there are more."""
    assert repr(check(vm("FPU"), HOST)) == "<Answer 'v' on 'h': migrates>"
    assert repr(check(vm("RTM"), HOST)) == "<Answer 'v' on 'h': only by max: RTM>"
    five = "SSE3 AVX F16C RDRAND MOVBE"
    shown = names(five)
    listed = " ".join(XEN.names(shown))
    assert repr(check(vm(five), HOST)) == f"<Answer 'v' on 'h': only by force: {listed}>"
    more = repr(check(vm(f"{five} AVX512F"), HOST))
    assert more == f"<Answer 'v' on 'h': only by force: {listed} …>"


def test_an_answer_for_notebooks() -> None:
    """What keeps the VM out, each missing feature with reason and risk, and what is taken in."""
    heads = "feature", "why it is missing", "if forced"
    answer = check(vm("FPU AVX RTM", vendor=AMD), HOST)
    (lacking,), (brought,) = answer.missing, answer.only_by_max
    assert answer._repr_html_() == table(
        "v on h: cannot run here",
        heads,
        [
            ("", answer.problems[0], ""),
            ("AVX", lacking.reason, lacking.risk),
            ("RTM", brought.reason, "taken in"),
        ],
    )


def test_what_keeps_a_vm_out_in_a_line() -> None:
    """Problems first, then the features that are missing; nothing of a VM that is taken in."""
    assert check(vm("FPU SSE AVX ADX"), HOST).hindrance == "lacks AVX ADX"
    other_vendor = check(vm("FPU AVX", vendor=AMD), HOST)
    assert other_vendor.hindrance == f"{other_vendor.problems[0]}; lacks AVX"
    assert check(vm("FPU"), HOST).hindrance == ""


def test_what_the_guest_finds_is_asked_of_the_answer() -> None:
    """A VM that boots takes nothing along; one that runs comes to the host of the answer."""
    source, target = real("xeon-e5-2696-v3"), real("xeon-e5-2696-v4")
    move = check(started_on(source, HVM), target).move
    assert move is not None
    assert move == arrival.move(started_on(source, HVM), target)
    assert check(vm(None), target).move is None


def test_registers_of_vms_by_where_they_booted() -> None:
    """A VM on a host, or started on a known one, has that host's registers; of others it is not
    known. Each VM that remembers the same is told its own.
    """
    base = "FPU MSR APIC ARCH_CAPS"
    immune, plain = pools_host("a", f"{base} MDS_NO"), pools_host("b", base)
    hosts = [evolve(immune, uuid="u1"), evolve(plain, uuid="u2")]
    seen = Vm("v", HVM, names(base), INTEL)
    has = "no level reaches registers: booted on a, it has also MDS_NO, whatever it remembers"
    not_known = "which is not known"
    vms = [seen, evolve(seen, home="u1"), evolve(seen, home="u2"), evolve(seen, started=hosts[0])]
    notes = [[note for note in answer.notes if "registers" in note or not_known in note]
             for answer in check_all(vms, hosts)]  # fmt: skip
    assert [[note.endswith(not_known) for note in each] for each in notes[:2]] == [[True], [True]]
    cleared = "; of that Xen here clears MDS_NO without a word"
    assert notes[2:] == [[has], [has + cleared], [], [], [has], [has + cleared]]


def test_two_of_the_guests_own_topology() -> None:
    """Topology that libxc gave to a guest costs nothing, and is named."""
    host = member_of(made("FPU", "FPU HTT CMP_LEGACY"), "h")
    seen = evolve(vm("FPU HTT CMP_LEGACY"), policy=Policy({(1, 0): (1, 0, 0, 0)}))
    note = "of the guest's own topology, which this host does not give at boot: HTT CMP_LEGACY"
    assert note in check(seen, host).notes
