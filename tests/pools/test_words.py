"""The words that page and command line share: counts, lists that are cut, notes told once."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.report.pool import POOL, VMS
from tests.support.hosts import names
from tests.support.pools import host, real
from xenops_cpu.interface import GuestType, SecurityKind
from xenops_cpu.pools import words
from xenops_cpu.pools.lack import Lack
from xenops_cpu.pools.level import kinds, level_of
from xenops_cpu.pools.registers import Own
from xenops_cpu.pools.security import Reading
from xenops_cpu.pools.verdict import check
from xenops_cpu.pools.vm import started_on
from xenops_cpu.pools.words import alike, count, notes, several_vendors, short, some, vendors

HVM = GuestType.HVM
A, B = host("a", "FPU"), host("b", "FPU")


def letters(number: int) -> list[str]:
    return list("abcdefghijkl"[:number])


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 hosts"), (1, "1 host"), (2, "2 hosts"), (1234567, "1,234,567 hosts")],
)
def test_a_count_and_its_noun(number: int, text: str) -> None:
    """One has no plural, every other number has."""
    assert count(number, "host") == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, ""),
        (1, "a"),
        (7, "a, b, c, d, e, f, g"),
        (8, "a, b, c, d, e, f and 2 more"),
        (9, "a, b, c, d, e, f and 3 more"),
    ],
)
def test_a_long_list_is_cut(number: int, text: str) -> None:
    """Six are named and the rest counted; one more than that is named as well."""
    assert some(letters(number)) == text


def test_the_length_of_a_list_may_be_told() -> None:
    """Then that many are named, or one more."""
    assert some(letters(3), 2) == "a, b, c"
    assert some(letters(4), 2) == "a, b and 2 more"


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("the CPU does not show it: CPUID 0x00000007:0.ebx bit 4 is 0", "the CPU does not show it"),
        ("not shown: MSR 0x0000010a.lo exists with ARCH_CAPS only", "not shown"),
        ("old: its highest leaf is below CPUID 0x80000008.ebx", "old"),
        ("Xen has it off", "Xen has it off"),
    ],
)
def test_a_reason_without_the_place(reason: str, text: str) -> None:
    """What differs from feature to feature is left out, so that features share a reason."""
    assert short(reason) == text


def test_features_that_are_lost_alike() -> None:
    """By reason, risk and where the bit comes from, which is not said twice."""
    found = alike(
        [
            Lack(1, "AVX", "gone: CPUID 0x00000001.ecx bit 28 is 0", "crash"),
            Lack(2, "AVX2", "gone: CPUID 0x00000007:0.ebx bit 5 is 0", "crash"),
            Lack(3, "SHA", "gone", "none"),
            Lack(4, "IBS", "an old bit", "", compatibility="an old bit"),
            Lack(5, "LWP", "gone", "none", compatibility="another old bit"),
        ]
    )
    assert found == {
        ("gone", "crash", ""): ["AVX", "AVX2"],
        ("gone", "none", ""): ["SHA"],
        ("an old bit", "", ""): ["IBS"],
        ("gone", "none", "another old bit"): ["LWP"],
    }


def test_vendors_are_told_once_and_warned_of() -> None:
    """In order of appearance; a vendor that is not known is none; one vendor is no warning."""
    amd = evolve(B, vendor="AuthenticAMD")
    unknown = evolve(B, vendor="")
    assert vendors([unknown, amd, A, amd]) == ["AuthenticAMD", "GenuineIntel"]
    assert several_vendors([A, B, unknown]) == ""
    assert several_vendors([A, amd]) == (
        "these hosts have CPUs of GenuineIntel and AuthenticAMD: no VM can move between vendors, "
        "whatever the level"
    )


def test_a_note_that_several_hosts_share_is_told_once() -> None:
    """With the hosts that it is of, three of them by name; notes in order of appearance."""
    several = [evolve(A, name=name, notes=("shared",)) for name in letters(5)]
    own = evolve(B, notes=("own", "shared"))
    assert list(notes([own])) == ["b: own", "b: shared"]
    assert list(notes([own, *several])) == ["b: own", "b, a, b and 3 more: shared"]
    assert list(notes(several[:4])) == ["a, b, c, d: shared"]


def test_what_an_answer_lacks_is_grouped_by_why() -> None:
    """All names under a title, then those with one reason, risk and origin together."""
    old, new = real("core-i7-4930k"), real("xeon-gold-6154")
    (missing,) = words.lacking(check(started_on(new, HVM), old))
    assert missing.title == "missing"
    grouped = [name for because in missing.because for name in because.features]
    assert sorted(grouped) == sorted(missing.features)
    assert len({(b.reason, b.risk, b.compatibility) for b in missing.because}) == len(
        missing.because
    )
    (taken,) = words.lacking(check(VMS[2], POOL[0]))
    assert (taken.title, taken.features) == ("taken in, not given at boot", ("RTM",))


def test_where_something_else_keeps_it_out_features_are_names_only() -> None:
    """Another vendor's CPU makes reasons and risks of features beside the point."""
    foreign = evolve(VMS[3], features=names("FPU MOVBE"))
    (lacking,) = words.lacking(check(foreign, POOL[0]))
    assert lacking == words.Lacking("missing as well", ("MOVBE",), ())
    assert list(words.lacking(check(VMS[3], POOL[0]))) == []
    assert list(words.lacking(check(VMS[0], POOL[0]))) == []


def test_losses_are_grouped_by_their_reason() -> None:
    """Without the place of the bit, which would keep all apart."""
    level = level_of([real("core-i7-4930k"), real("xeon-gold-6154")], HVM)
    reasons = words.by_reason(level.losses)
    assert sorted(loss for losses in reasons.values() for loss in losses) == sorted(level.losses)
    assert len(reasons) < len(level.losses)
    assert not any("bit" in reason for reason in reasons)


def test_a_reading_in_words() -> None:
    """The feature, what it means, and the hosts because of which, or the level."""
    slow = Reading(SecurityKind.SPEED, "AVX2", ("a", "b"), "slow")
    assert words.reading(slow) == "AVX2: slow (because of a, b)"
    assert words.reading(evolve(slow, hosts=())) == "AVX2: slow (because of the level)"
    five = evolve(slow, hosts=tuple(letters(5)))
    assert words.reading(five) == "AVX2: slow (because of a, b, c and 2 more)"


def test_who_gives_a_level() -> None:
    """Many are counted, one is named."""
    assert words.givers(level_of(POOL, HVM)) == "every one of 3 hosts"
    assert words.givers(level_of(POOL[:1], HVM)) == "old"
    assert words.rules(level_of(POOL, HVM)) == "names and rules of Xen 4.17"


def test_a_note_of_several_is_told_once() -> None:
    """Of hosts and VMs alike, with the first names."""
    noted = [evolve(each, notes=("from a file",)) for each in (*POOL, *VMS)]
    assert list(words.notes(noted)) == ["old, new-1, new-2 and 5 more: from a file"]
    assert list(words.notes(noted[:2], most=1)) == ["old, new-1: from a file"]


def test_hosts_of_a_level_by_kind() -> None:
    """Those that give the same are one, with what it costs; hosts without such guests are none."""
    without = evolve(POOL[0], name="pv-only", offers={})
    pool = [POOL[1], POOL[0], POOL[2], without]
    found = kinds(level_of(pool, HVM), pool)
    assert [kind.hosts for kind in found] == [("new-1", "new-2"), ("old",)]
    assert found[0].gives == POOL[1].boot(HVM)
    assert found[1].cost.host == "old"


def test_no_way_back() -> None:
    """What a VM may have afterwards that the host as it was would not take in, by guest type."""
    pv = {GuestType.PV: host("p", "FPU").offers[GuestType.PV]}
    only_pv = evolve(host("c", "FPU"), offers=pv)
    changes = [
        (host("a", "FPU"), host("a", "FPU SSE")),
        (host("b", "FPU", "SSE"), host("b", "FPU SSE")),
        (only_pv, host("c", "FPU SSE")),
    ]
    assert list(words.no_return(changes)) == [
        "no way back: PV guests that start on a, c afterwards may have SSE, which the host as it "
        "is now would not take in",
        "no way back: HVM and PVH guests that start on a afterwards may have SSE, which the host "
        "as it is now would not take in",
    ]
    assert list(words.no_return([(A, A)])) == []
    five = [(host(name, "FPU"), host(name, "FPU SSE SSE2")) for name in letters(5)]
    assert next(words.no_return(five)) == (
        "no way back: PV guests that start on a, b, c and 2 more afterwards may have SSE SSE2, "
        "which the host as it is now would not take in"
    )


def test_registers_that_are_not_levelled() -> None:
    """What VMs have more and less than the level, and the first three hosts by name."""
    own = Own(tuple(letters(5)), names("RDCL_NO MDS_NO"), names("EIBRS SKIP_L1DFL"))
    assert list(words.registers([own], A.release)) == [
        "registers are not levelled: a VM that boots on a, b, c and 2 more has also RDCL_NO "
        "MDS_NO, not EIBRS SKIP_L1DFL"
    ]


def test_what_a_level_has_because_of_some_hosts() -> None:
    """The feature by name, and the first three of the hosts that have it."""
    needing = [host(name, "FPU MD_CLEAR") for name in letters(5)]
    assert list(words.brought(level_of([B, *needing], HVM))) == [
        "added, because a, b, c and 2 more have it: MD_CLEAR"
    ]
    assert list(words.brought(level_of([B, needing[0]], HVM))) == [
        "added, because a has it: MD_CLEAR"
    ]
    assert list(words.brought(level_of([A, B], HVM))) == []
