"""What microcode updates did to a CPU and would do: its history, and two states compared.

For those who ask "what will this update change?" and "which update took RTM, and when?". Features
are called as Xen's newest release calls them; a bit without a name by its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from attrs import evolve, frozen

from ..cpuid.cpu import Cpu, cpu_of
from ..cpuid.fields import ARCH_CAPS
from ..errors import Error
from ..features.release import NEWEST as NEWEST_XEN
from ..features.release import release as xen_release
from ..hosts.host import Host
from . import microcode, running, wish
from .firmware import USUAL, Firmware
from .running import Running
from .silicon import WORDS, Silicon, word
from .timeline import Confidence, Effect, Line, Occurrence, Release, Step, Timeline
from .wish import Wish

# What bears on a feature beside its own bit: the bit or effect, and what Xen makes of it
# (xen/arch/x86/tsx.c tsx_init(), spec_ctrl.c gds_calculations(), srso_calculations(),
# tsa_calculations()).
_TSX: Final = {
    "TSX_FORCE_ABORT": "a register can abort every transaction; TSX stays on",
    "RTM_ALWAYS_ABORT": "TSX is off: every transaction aborts, and Xen hides it from new guests",
    "TSX_CTRL": "Xen switches TSX off with this register, against TAA",
}
BEARING: Final[Mapping[str, Mapping[str, str]]] = {
    "HLE": _TSX,
    "RTM": _TSX,
    "AVX": {"GDS_CTRL": "microcode mitigates GDS, so Xen no longer takes AVX away"},
    "GDS_NO": {"GDS_CTRL": "microcode mitigates GDS, so Xen sets GDS_NO"},
    "SBPB": {"amd-srso": "PRED_CMD.SBPB can be written: Xen tries it and sets SBPB"},
    "IBPB_BRTYPE": {"amd-srso": "PRED_CMD.SBPB can be written: Xen tries it and sets IBPB_BRTYPE"},
    "VERW_CLEAR": {"amd-tsa": "VERW scrubs: Xen sets VERW_CLEAR from this revision on"},
    "RSBA": {"retpoline-broadwell": "Xen sets RSBA below this revision"},
}
_TAA_NO: Final = 1 << 8


@frozen
class Event:
    """What happens at one revision. `release` None: a revision that is not among those known.

    `confidence`: the weakest. `meaning`: of a feature asked about, where its own bit stays.
    """

    revision: int
    release: Release | None
    added: tuple[str, ...]
    removed: tuple[str, ...]
    effects: tuple[Effect, ...]
    confidence: Confidence
    note: str = ""
    meaning: str = ""

    @property
    def date(self) -> str:
        """When it was public, else when it was built: YYYY-MM-DD, "" where neither is known."""
        return "" if self.release is None else self.release.day

    def __str__(self) -> str:
        signs = [*(f"+{name}" for name in self.added), *(f"−{name}" for name in self.removed)]
        words = " ".join(signs) or "no word changes"
        titles = "; ".join(effect.title for effect in self.effects)
        why = f" ({titles})" if titles else ""
        meaning = f": {self.meaning}" if self.meaning else ""
        return f"{self.date or 'date unknown'}, {self.revision:08x}: {words}{why}{meaning}"


@frozen
class Update:
    """Two states of a CPU. `added`, `removed`: features of its words. `events`: what happens on
    the way, oldest first; for a way back, what is undone. `confidence`: the weaker of both.
    """

    before: Running
    after: Running
    added: tuple[str, ...]
    removed: tuple[str, ...]
    events: tuple[Event, ...]

    @property
    def confidence(self) -> Confidence | None:
        known = [state.confidence for state in (self.before, self.after) if state.confidence]
        return min(known, default=None)

    def __str__(self) -> str:
        signs = [*(f"+ {name}" for name in self.added), *(f"− {name}" for name in self.removed)]
        return (
            f"{_called(self.before)} to {_called(self.after)}: "
            f"{', '.join(signs) or 'no word of CPUID changes'}"
        )


def _called(state: Running) -> str:
    if state.revision is None:
        return "an unknown revision"
    return f"{state.revision:08x}" + (f" ({state.date})" if state.date else "")


def changes(cpu: Cpu, before: Wish, after: Wish, firmware: Firmware = USUAL) -> Update:
    """What one microcode changes against another on a CPU. Raises WishError, FirmwareError.

    A CPU as it was read is AS_DUMPED; guests may see more or less than its words change, which a
    derivation of both states tells (Update.before.cpu and .after.cpu, with their params).
    """
    silicon, timeline = Silicon(cpu), microcode.timeline(cpu.vendor, cpu.signature)
    old = running.run(silicon, timeline, before, firmware)
    new = running.run(silicon, timeline, after, firmware)
    added: list[str] = []
    removed: list[str] = []
    for name in (*WORDS, "10a"):
        had, has = word(old.cpu, name), word(new.cpu, name)
        added += bit_names(name, has & ~had)
        removed += bit_names(name, had & ~has)
    return Update(old, new, tuple(added), tuple(removed), _between(timeline, old, new))


def _between(timeline: Timeline | None, old: Running, new: Running) -> tuple[Event, ...]:
    if timeline is None or old.revision is None or new.revision is None:
        return ()
    low, high = sorted((old.revision, new.revision))
    return tuple(
        event
        for event in events(timeline, timeline.line(new.revision))
        if low < event.revision <= high
    )


def next_public(vendor: str, signature: int, revision: int) -> Release | None:
    """The first public release that is newer than a revision, None where there is none."""
    timeline = microcode.timeline(vendor, signature)
    if timeline is None or not timeline.lines:
        return None
    line = timeline.line(revision)
    own = line.release(revision)
    for release in line.public():
        newer = release.built > own.built if own is not None else release.revision > revision
        if newer and release.revision != revision:
            return release
    return None


def outdated(cpu: Cpu) -> str:
    """In a sentence: that newer public microcode is there, and what it would change; "" if not.

    Of a CPU whose revision is known and that no hypervisor hides.
    """
    if cpu.microcode is None or cpu.hypervisor:
        return ""
    following = next_public(cpu.vendor, cpu.signature, cpu.microcode)
    if following is None:
        return ""
    update = changes(cpu, wish.AS_DUMPED, wish.NEWEST)
    own, newest = update.before.release, update.after
    state = f"microcode {cpu.microcode:08x}" + (f" is of {own.day}" if own is not None else "")
    if newest.release is None or newest.revision == cpu.microcode:
        return (
            f"{state}; {following.revision:08x} of {following.day} is public, and what it would "
            "change is not known here"
        )
    unread = () if _registers_read(cpu) else tuple(bit_names("10a", (1 << 64) - 1))
    signs = [
        f"{sign} {name}"
        for sign, names in (("+", update.added), ("−", update.removed))
        for name in names
        if name not in unread
    ]
    would = f"would change: {', '.join(signs)}" if signs else "would change no word of CPUID"
    if unread:
        would += "; what it changes in ARCH_CAPABILITIES is not known: that register was not read"
    return f"{state}; {newest.revision:08x} of {newest.release.day} is public and {would}"


def _registers_read(cpu: Cpu) -> bool:
    """Whether MSR ARCH_CAPABILITIES is known: a CPU that announces it has it (leaf 7 EDX bit 29;
    Intel SDM vol. 4), and Xen's raw policy holds it since 4.17 only."""
    return ARCH_CAPS in cpu.msrs or not cpu.leaf(7)[3] >> 29 & 1


def outdated_host(host: Host) -> str:
    """The same of a host that was read; "" also where its CPU or its revision is not known."""
    if "raw" not in host.policies or host.microcode is None:
        return ""
    try:
        return outdated(evolve(cpu_of(host.policies["raw"]), microcode=host.microcode))
    except Error:
        return ""


def history(feature: str, vendor: str, signature: int) -> tuple[Event, ...]:
    """The updates of a CPU that gave or took a feature, or bear on it; oldest first.

    `feature` is a name of Xen's (RTM, AVX, SBPB). Empty where no update did, or none is known.
    """
    timeline = microcode.timeline(vendor, signature)
    if timeline is None or not timeline.lines:
        return ()
    bearing = BEARING.get(feature, {})
    line = timeline.line()
    explained = []
    for event in events(timeline, line):
        causes = (*event.added, *(effect.id for effect in event.effects))
        meanings = [
            meaning
            for cause, meaning in bearing.items()
            if cause in causes and not (cause == "TSX_CTRL" and _taa_immune(line, event.revision))
        ]
        if meanings or feature in (*event.added, *event.removed):
            explained.append(evolve(event, meaning="; ".join(meanings)))
    return tuple(explained)


def _taa_immune(line: Line, revision: int) -> bool:
    step = line.step(revision)
    return step is not None and bool((step.words["10a"] or 0) & _TAA_NO)


def events(timeline: Timeline, line: Line) -> tuple[Event, ...]:
    """All that updates did to parts of a line, oldest first; with what changes no word."""
    by_revision: dict[int, Event] = {}
    for before, step in zip(line.steps, line.steps[1:], strict=False):
        by_revision[step.first] = _of_step(line, before, step)
    for occurrence in timeline.occurrences:
        if occurrence.first is not None:
            other = by_revision.get(occurrence.first)
            by_revision[occurrence.first] = _of_occurrence(line, occurrence, other)
    return tuple(event for _, event in sorted(by_revision.items()))


def _of_step(line: Line, before: Step, step: Step) -> Event:
    added: list[str] = []
    removed: list[str] = []
    for name, value in step.words.items():
        had, has = before.words[name] or 0, value or 0
        added += bit_names(name, has & ~had)
        removed += bit_names(name, had & ~has)
    effects = tuple(microcode.effect(identity) for identity in step.effects)
    return Event(
        step.first, line.release(step.first), tuple(added), tuple(removed), effects,
        step.confidence, step.evidence,
    )  # fmt: skip


def _of_occurrence(line: Line, occurrence: Occurrence, other: Event | None) -> Event:
    """An effect at a revision, put to what a step does there."""
    first = occurrence.first or 0
    event = other or Event(first, line.release(first), (), (), (), Confidence.SEEN)
    effect = microcode.effect(occurrence.effect)
    added: list[str] = []
    removed: list[str] = []
    for change in occurrence.changes:
        if change.sign in "+-":
            (added if change.sign == "+" else removed).extend(bit_names(change.word, change.value))
    return evolve(
        event,
        added=(*event.added, *added),
        removed=(*event.removed, *removed),
        effects=event.effects if effect in event.effects else (*event.effects, effect),
        confidence=min(event.confidence, occurrence.confidence),
        note="; ".join(filter(None, (event.note, occurrence.note))),
    )


@cache
def _places() -> Mapping[str, tuple[int, ...]]:
    """Which words of a featureset a word or register fills."""
    places = {word.name: (word.index,) for word in xen_release(NEWEST_XEN).words}
    return {**places, "10a": (*places["m10Al"], *places["m10Ah"])}


def bit_names(name: str, bits: int) -> Iterator[str]:
    """What the bits of a word (7d0) or of MSR 10a are called, lowest first."""
    xen = xen_release(NEWEST_XEN)
    for bit in range(bits.bit_length()):
        if bits >> bit & 1:
            index = _places()[name][bit // 32]
            feature = xen.feature(index * 32 + bit % 32)
            yield feature.name if feature else f"{xen.words[index]} bit {bit % 32}"
