"""One host out of what several sources tell of it.

1. The sets are those of one source, never a mixture: Xen's own before xapi's record of them, of two
   of Xen's the newer.
2. A source of which it is known that it is newer, and whose boot sets are others, wins whatever it
   is: a capture from before an update tells of a host that is no more.
3. All else is taken field by field from the first that tells it: the source of the sets, then those
   whose boot sets agree with it, then those without sets.
4. A source whose sets are others tells only what an update of Xen does not change: name, UUID and
   counts. That it differs is said, with the names.
5. Where it is not known which of two is newer, Xen's own counts, then the one that tells more, then
   the first; that it was not known is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve, frozen

from ..interface import GuestType
from . import parts as parts_
from .membership import NO_POOL
from .offer import offer
from .parts import Parts

# What is taken from another source than the sets', in the words for people.
_FIELDS = {
    "policies": "CPU policies",
    "version": "Xen's version",
    "commandline": "Xen's command line",
    "processor": "which CPU it is",
    "microcode": "microcode",
    "topology": "counts",
    "membership": "its place in the pool",
}


# How the note begins that says who told what; of several mergers the last counts.
_TOLD = "told by "


@frozen
class Reading:
    """What one source tells of a host. `origin`: the source, for people."""

    parts: Parts
    origin: str

    def __str__(self) -> str:
        when = str(self.parts.moment)
        return f"{self.origin} ({when})" if when else self.origin


@frozen
class Merged:
    """`conflicts`: sentences about sources that say something else, which a person should see."""

    parts: Parts
    origin: str
    conflicts: tuple[str, ...] = ()


def merge(readings: Sequence[Reading]) -> Merged:
    """What several sources tell of one host; of a single one, just that."""
    if len(readings) == 1:
        return Merged(readings[0].parts, readings[0].origin)
    first = _counting(readings)
    others = [reading for reading in readings if reading is not first]
    agreeing = [other for other in others if not _differs(first, other)]
    differing = [other for other in others if _differs(first, other)]
    # Of those that agree the newest tells best how things are in the pool.
    whole = first.parts
    for other in agreeing:
        whole = _both(whole, other.parts)
    conflicts = []
    for other in differing:
        whole = _lasting(whole, other.parts)
        conflicts.append(_conflict(first, other))
    # People know a host by xapi's name for it; its own system may have another.
    names = [reading.parts.name for reading in readings if reading.parts.recorded]
    whole = evolve(whole, name=next(filter(None, names), whole.name))
    sources = f"{_TOLD}{len(readings)} sources: the sets by {first}{_shares(first, agreeing)}"
    kept = (note for note in whole.notes if not note.startswith(_TOLD))
    notes = tuple(dict.fromkeys((*kept, sources, *conflicts)))
    origin = " and ".join(dict.fromkeys(reading.origin for reading in (first, *agreeing)))
    return Merged(evolve(whole, notes=notes), origin, tuple(conflicts))


def _counting(readings: Sequence[Reading]) -> Reading:
    """Whose sets count."""
    best = readings[0]
    for reading in readings[1:]:
        if _before(reading, best):
            best = reading
    return best


def _before(reading: Reading, other: Reading) -> bool:
    """Whether the sets of `reading` count before those of `other`."""
    if reading.parts.a_host != other.parts.a_host:
        return reading.parts.a_host
    newer = reading.parts.moment.newer(other.parts.moment)
    alike = reading.parts.recorded == other.parts.recorded
    if newer is not None and (alike or _differs(reading, other)):
        return newer
    if not alike:
        return other.parts.recorded
    return _richness(reading.parts) > _richness(other.parts)


def _richness(parts: Parts) -> int:
    return 2 * len(parts.sets) + len(parts.policies) + bool(parts.version)


def _differs(reading: Reading, other: Reading) -> bool:
    return any(True for _ in _differences(reading.parts, other.parts))


def _differences(reading: Parts, other: Parts) -> Iterator[str]:
    """Of each guest type, what a new guest gets by one and not by the other: names with signs.

    Migration sets are not compared: libxc adds to those that xapi records.
    """
    if not (reading.a_host and other.a_host):
        return
    hosts = [parts_.host(each, "") for each in (reading, other)]
    for guest in GuestType:
        mine, theirs = (offer(host, guest).boot for host in hosts)
        if mine.length and theirs.length and mine.bits != theirs.bits:
            names = hosts[0].release.names
            signs = [*(f"+{name}" for name in names(theirs - mine)),
                     *(f"−{name}" for name in names(mine - theirs))]  # fmt: skip
            yield f"{guest.name} boot {' '.join(signs)}"


def _both(whole: Parts, other: Parts) -> Parts:
    """A source that agrees; the newer one knows better how the pool has it."""
    merged = whole | other
    if other.moment.newer(whole.moment) and other.membership:
        merged = evolve(merged, membership=other.membership | whole.membership)
    return merged


def _lasting(whole: Parts, other: Parts) -> Parts:
    """What an update of Xen does not change."""
    membership = whole.membership
    if membership == NO_POOL or not membership.pool:
        membership = evolve(membership, pool=other.membership.pool)
    return evolve(
        whole,
        name=whole.name or other.name,
        uuid=whole.uuid or other.uuid,
        topology=whole.topology or other.topology,
        membership=membership,
    )


def _shares(first: Reading, others: Sequence[Reading]) -> str:
    """Who told what beside the sets."""
    known = {name for name in _FIELDS if getattr(first.parts, name)}
    parts = []
    for other in others:
        names = [name for name in _FIELDS if name not in known and getattr(other.parts, name)]
        if names:
            known.update(names)
            parts.append(f"{', '.join(_FIELDS[name] for name in names)} by {other}")
    return "".join(f"; {part}" for part in parts)


def _conflict(first: Reading, other: Reading) -> str:
    differences = "; ".join(_differences(first.parts, other.parts))
    newer = first.parts.moment.newer(other.parts.moment)
    why = "which is older" if newer else "and which of the two is newer is not known"
    if not newer and first.parts.recorded != other.parts.recorded:
        why = "which is xapi's record and not Xen's own word"
    return f"passed over: {other}, {why}; it differs: {differences}"
