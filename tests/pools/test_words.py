"""The words that the page and the command line share."""

from __future__ import annotations

from attrs import evolve

from tests.report.pool import POOL, VMS
from tests.support.hosts import names
from tests.support.pools import real
from xenops_cpu.interface import GuestType
from xenops_cpu.pools import words
from xenops_cpu.pools.level import kinds, level_of
from xenops_cpu.pools.verdict import check
from xenops_cpu.pools.vm import started_on

HVM = GuestType.HVM


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
    assert sum(map(len, reasons.values())) == len(level.losses)
    assert len(reasons) < len(level.losses)
    assert not any("bit" in reason for reason in reasons)


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
