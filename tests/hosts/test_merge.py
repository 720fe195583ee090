"""xenops_cpu.hosts.merge: one host out of what several sources tell of it."""

from __future__ import annotations

from attrs import evolve

from tests.support.hosts import example, made
from xenops_cpu.features.release import release
from xenops_cpu.hosts import parts
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.hosts.host import Host
from xenops_cpu.hosts.membership import Membership
from xenops_cpu.hosts.merge import Merged, Reading, merge
from xenops_cpu.hosts.moment import UNKNOWN_MOMENT, Moment
from xenops_cpu.hosts.parts import Parts
from xenops_cpu.hosts.record import of_cpu_info

EARLY, LATE = Moment("2026-01-01T00:00:00Z"), Moment("2026-02-01T00:00:00Z")


def own(host: Host, moment: Moment = UNKNOWN_MOMENT, **facts: object) -> Reading:
    """What Xen says."""
    told = evolve(parts.of_host(host), moment=moment, **facts)  # type: ignore[arg-type]
    return Reading(told, "xen-cpuid")


def record(host: Host, moment: Moment = UNKNOWN_MOMENT, **facts: object) -> Reading:
    """What xapi has stored of it."""
    told = of_cpu_info(xapi_map(cpu_info(host)), "db")
    facts = {"name": "xs-01", "uuid": "u1", "version": host.xen.version, **facts}
    return Reading(evolve(told, moment=moment, **facts), "xapi-db.xml")  # type: ignore[arg-type]


def result(merged: Merged) -> Host:
    return parts.host(merged.parts, merged.origin)


def test_one_source_is_left_as_it_is() -> None:
    """Nothing is said of sources where there is one."""
    reading = own(example())
    assert merge([reading]) == Merged(reading.parts, "xen-cpuid")


def test_each_gives_what_the_other_lacks() -> None:
    """The sets are Xen's own; name, UUID and the place in the pool are xapi's; that is said."""
    host = example()
    membership = Membership(pool="p", enabled=True)
    for order in (1, -1):
        readings = [own(host, name="xs-01.example"), record(host, membership=membership)][::order]
        whole = merge(readings)
        assert not whole.conflicts
        there = result(whole)
        assert there.featuresets == host.featuresets
        assert there.policies == host.policies
        assert not there.recorded
        assert (there.name, there.uuid, there.membership) == ("xs-01", "u1", membership)
        said = "told by 2 sources: the sets by xen-cpuid; its place in the pool by xapi-db.xml"
        assert said in there.notes


def test_a_newer_record_that_differs_wins() -> None:
    """A capture from before an update tells of a host that is no more; which, and how, is said."""
    old, new = made("FPU SSE"), made("FPU SSE AVX")
    whole = merge([own(old, EARLY), record(new, LATE)])
    there = result(whole)
    assert there.recorded
    assert there.featuresets.hvm_default == new.featuresets.hvm_default
    assert there.policies == {}
    (conflict,) = whole.conflicts
    assert "xen-cpuid (2026-01-01T00:00:00Z), which is older" in conflict
    assert "HVM boot −AVX" in conflict
    assert conflict in there.notes


def test_an_older_record_that_differs_does_not() -> None:
    """Xen's own word is newer, and the record is told of as such."""
    whole = merge([record(made("FPU SSE"), EARLY), own(made("FPU SSE AVX"), LATE)])
    assert not result(whole).recorded
    assert "which is older" in whole.conflicts[0]


def test_a_newer_record_that_agrees_changes_nothing() -> None:
    """What Xen says is more; xapi knows better how the pool has the host."""
    host = example()
    off = Membership(pool="p", enabled=False)
    readings = [
        own(host, EARLY, membership=Membership(pool="p", enabled=True)),
        record(host, LATE, membership=off),
    ]
    there = result(merge(readings))
    assert not there.recorded
    assert there.featuresets == host.featuresets
    assert there.membership == off


def test_of_two_of_xens_own_the_newer_counts() -> None:
    """Policies of the older are taken where the sets are the same, else not."""
    host = example()
    later = evolve(host, policies={})
    assert result(merge([own(host, EARLY), own(later, LATE)])).policies == host.policies
    other = evolve(made("FPU SSE"), processor=host.processor)
    whole = merge([own(host, EARLY), own(other, LATE)])
    assert result(whole).policies == {}
    assert whole.conflicts


def test_where_nobody_knows_which_is_newer() -> None:
    """Xen's own counts before a record, the one that tells more before the other; both are said."""
    whole = merge([record(made("FPU SSE")), own(made("FPU SSE AVX"))])
    assert not result(whole).recorded
    assert "which is xapi's record and not Xen's own word" in whole.conflicts[0]
    less = evolve(made("FPU SSE"), featuresets=evolve(made("FPU SSE").featuresets, pv_max=None))
    whole = merge([own(less), own(made("FPU SSE AVX"))])
    assert "which of the two is newer is not known" in whole.conflicts[0]
    assert result(whole).featuresets == made("FPU SSE AVX").featuresets


def test_a_source_without_sets_adds_what_it_has() -> None:
    """Which CPU it is and its microcode, of /proc/cpuinfo and xen-ucode alone."""
    host = example()
    bare = Reading(Parts(microcode=0x2B, moment=LATE), "xen-ucode")
    there = result(merge([bare, own(evolve(host, microcode=None), EARLY)]))
    assert there.microcode == 0x2B
    assert there.featuresets == host.featuresets


def test_who_knows_how_the_pool_has_it() -> None:
    """Of those that agree the newer, not whoever tells something of it."""
    host, on, off = example(), Membership("p", enabled=True), Membership("p", enabled=False)
    readings = [own(host, LATE, membership=on), record(host, EARLY, membership=off)]
    assert merge(readings).parts.membership == on
    assert merge([own(host, EARLY, membership=on), record(host, LATE)]).parts.membership == on


def test_of_two_without_times_the_one_that_tells_more_comes_first() -> None:
    """Each set counts as two policies; the version of Xen breaks a tie, then who came first."""
    host = made("FPU SSE")
    sets, policies = parts.of_host(host).sets, example().policies
    some = {name: policies[name] for name in ("raw", "host", "pv_default")}

    def first(*readings: Reading) -> str:
        return merge(readings).origin.split(" and ")[0]

    def reading(origin: str, **facts: object) -> Reading:
        return Reading(evolve(own(host, policies={}).parts, **facts), origin)  # type: ignore[arg-type]

    assert first(reading("bare", version=""), reading("versed")) == "versed"
    assert first(reading("one"), reading("other")) == "one"
    assert first(reading("without"), reading("with", policies={"raw": some["raw"]})) == "with"
    fewer = {name: sets[name] for name in sets if name != "hvm_max"}
    assert first(reading("fewer", sets=fewer), reading("all")) == "all"
    # A set less weighs two policies, so that three of them outweigh it.
    assert first(reading("all"), reading("fewer", sets=fewer, policies=some)) == "fewer"


def test_a_conflict_word_for_word() -> None:
    """Whose sets are passed over, why, and what differs for each guest type by the names of the
    Xen that counts.
    """
    newer, older = made("FPU SSE AVX_VNNI", xen="4.20"), made("FPU SSE AVX", xen="4.13")
    differs = "it differs: PV boot +AVX −AVX_VNNI; HVM boot +AVX −AVX_VNNI"
    (conflict,) = merge([own(newer, LATE), own(older, EARLY)]).conflicts
    assert conflict == f"passed over: xen-cpuid ({EARLY.time}), which is older; {differs}"
    (conflict,) = merge([own(newer), own(older)]).conflicts
    assert conflict == (
        f"passed over: xen-cpuid, and which of the two is newer is not known; {differs}"
    )
    (conflict,) = merge([own(newer), record(older)]).conflicts
    assert conflict == (
        f"passed over: xapi-db.xml, which is xapi's record and not Xen's own word; {differs}"
    )


def test_who_told_what_word_for_word() -> None:
    """Each that agrees with the fields that nobody before it told."""
    host = example()
    sets = own(host, policies={}, version="", microcode=None, membership=Membership())
    ucode = Reading(Parts(microcode=0x2B, version=host.xen.version), "xen-ucode")
    pool = Reading(Parts(microcode=0x2C, membership=Membership("p")), "xe")
    (said,) = [note for note in merge([sets, ucode, pool]).parts.notes if "told by" in note]
    assert said == (
        "told by 3 sources: the sets by xen-cpuid; Xen's version, microcode by xen-ucode; its "
        "place in the pool by xe"
    )


def test_moments() -> None:
    """The count of changes of a database decides before the clock; nothing is guessed."""
    assert LATE.newer(EARLY) is True
    assert EARLY.newer(LATE) is False
    assert EARLY.newer(EARLY) is None
    assert Moment().newer(EARLY) is None
    assert Moment(LATE.time, 5).newer(Moment(EARLY.time, 6)) is False
    assert (str(LATE), str(Moment("", 5)), str(Moment())) == (LATE.time, "generation 5", "")


def test_what_host_makes_of_parts_comes_back() -> None:
    """A host taken apart and put together is the same, with each note once."""
    for host in (example(), made("FPU SSE"), example("epyc-xen-4.20")):
        again = parts.host(parts.of_host(host), host.origin)
        assert evolve(again, notes=()) == evolve(host, notes=())
        assert len(set(again.notes)) == len(again.notes)
    bare = parts.host(Parts(sets={"hvm_max": release("4.17").featureset(["SSE"])}), "x")
    assert parts.host(parts.of_host(bare), "x") == bare


def test_what_is_passed_over_is_said_once() -> None:
    """Two sources that say the same other thing, and a note that a reading has twice."""
    new = own(made("FPU SSE"), LATE, notes=("a note", "a note"))
    old = own(made("FPU SSE AVX"), EARLY)
    whole = merge([new, old, old])
    (conflict,) = set(whole.conflicts)
    notes = whole.parts.notes
    assert notes.count(conflict) == 1
    assert notes.count("a note") == 1


def test_several_that_agree_are_named_once() -> None:
    """The origin names each source, one that was read twice once."""
    readings = [own(example()), own(example()), record(example())]
    assert merge(readings).origin == "xen-cpuid and xapi-db.xml"


def test_what_an_update_does_not_change_is_taken_from_who_is_passed_over() -> None:
    """Name, UUID, counts and which pool, where the one whose sets count does not tell them."""
    counted = evolve(made("FPU SSE"), uuid="u1")
    older = own(counted, EARLY, name="xs-01", membership=Membership("p1", True, True))
    bare = own(made("FPU SSE AVX"), LATE, topology=None, name="", uuid="")
    there = merge([bare, older]).parts
    assert (there.name, there.uuid, there.topology) == ("xs-01", "u1", counted.topology)
    assert there.membership == Membership("p1")
    told = own(made("FPU SSE AVX"), LATE, name="xs-02", uuid="u2",
               membership=Membership("p2", False))  # fmt: skip
    there = merge([told, older]).parts
    assert (there.name, there.uuid) == ("xs-02", "u2")
    assert there.membership == Membership("p2", False)
    somewhere = own(made("FPU SSE AVX"), LATE, membership=Membership(enabled=False))
    assert merge([somewhere, older]).parts.membership == Membership("p1", None, False)


def test_of_two_that_tell_alike_the_richer_counts() -> None:
    """Without times: more sets, then more policies, then who tells Xen's version."""
    host = made("FPU SSE")
    sets = parts.of_host(host).sets
    fewer = own(host, sets={name: sets[name] for name in ("raw", "host", "hvm_default")})
    poor, rich = own(host, version=""), own(host)
    for order in (1, -1):
        assert merge([fewer, rich][::order]).origin.startswith("xen-cpuid")
        assert merge([poor, rich][::order]).parts.version == host.xen.version
    more = Reading(evolve(rich.parts, sets=sets), "more")
    less = Reading(fewer.parts, "less")
    assert merge([Reading(more.parts, "same"), more]).origin == "same and more"
    assert merge([less, more]).origin == merge([more, less]).origin == "more and less"
