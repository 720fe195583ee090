"""The CPU as it runs: silicon, microcode and firmware put together.

How the state at a revision is made (data/microcode, docs/microcode.md):

1. The watched words are those of the timeline's step. Bits that the dump has beyond its own step
   (workstation parts have a few) stay when time goes forward; bits that the part cannot have
   (TSX fused off, no efficient cores) go.
2. A dump that was made in the same step keeps its own words.
3. Single effects come on top: they add or remove bits from a revision on, and before it take them
   back as far as the silicon is known to have them.
4. Registers read as after reset. TSX_CTRL hides HLE and RTM only once somebody has written it, so
   where it is there they show, whatever an operating system did before the dump.
5. Firmware settings last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from ..cpuid.cpu import Cpu
from . import microcode
from .firmware import USUAL, VARYING, Firmware, FirmwareError
from .silicon import GDS_CTRL, HLE_RTM, SGX, TSX_CTRL, Silicon, with_words, word
from .timeline import Confidence, Line, Occurrence, Release, Step, Timeline
from .wish import NEWEST, Wish, choose

_SRSO, _TSA = "amd-srso", "amd-tsa"
_RTM_GONE = "rtm-always-abort-2"
_MCU_OPT_CTRL = "123"
# Bits that no update gives back to a part unless it is known to have had them.
_TSX: Mapping[str, int] = {"7b0": HLE_RTM}
_RTM_LOCKED, _GDS_MIT_LOCK = 1 << 2, 1 << 5


@frozen
class Running:
    """A CPU at a microcode revision. `cpu` has the words and the revision, `params` what no leaf
    shows (as in a record: sbpb, smt). `confidence`: the weakest of what the words rest on, None
    where none changed. `basis`: in a line, what it rests on; `details`: more of it.
    """

    cpu: Cpu
    params: Mapping[str, Any]
    revision: int | None
    release: Release | None
    confidence: Confidence | None
    basis: str
    details: tuple[str, ...] = field(default=())

    @property
    def date(self) -> str:
        """When the revision was public, `` where that is not known."""
        return self.release.released if self.release is not None else ""


def run(
    silicon: Silicon,
    timeline: Timeline | None,
    wish: Wish = NEWEST,
    firmware: Firmware = USUAL,
) -> Running:
    """The CPU that a wish means. Pure: facts in, a CPU out.

    Without a timeline, or with one known only in part, the words are those of the dump.
    Raises WishError where no microcode fulfils the wish, FirmwareError for a setting that the CPU
    has not.
    """
    cpu, revision, release = silicon.dumped, silicon.revision, None
    confidence: Confidence | None = None
    details: list[str] = []
    if wish.kind == "as-dumped":
        how = "as dumped"
    elif timeline is None or not timeline.whole or cpu.hypervisor:
        how = f"as dumped, for {_why_as_dumped(cpu, timeline)}"
        if wish.kind == "revision":
            revision = wish.revision
            how = f"as asked, the words {how}"
    else:
        wished = wish.revision if wish.kind == "revision" else silicon.revision
        line = timeline.line(wished)
        fallbacks = [o.fallback for o in timeline.occurrences if o.fallback is not None]
        choice = choose(wish, silicon, line, firmware.base, *fallbacks[:1])
        how = choice.how
        if choice.revision is None:
            how = f"as dumped: {how}"
        else:
            revision, release = choice.revision, choice.release
            cpu, confidence, details = _at(silicon, timeline, line, revision)
            how += "" if confidence is not None else "; none is known to change a word"
    if timeline is not None and release is None and revision is not None and timeline.lines:
        release = timeline.line(revision).release(revision)
    cpu = _with_firmware(evolve(cpu, microcode=revision), timeline, firmware)
    params = _params(timeline, revision, firmware)
    return Running(
        cpu, params, revision, release, confidence,
        _basis(revision, release, how, confidence, str(firmware)),
        (*details, *_loading(release)),
    )  # fmt: skip


def _why_as_dumped(cpu: Cpu, timeline: Timeline | None) -> str:
    if cpu.hypervisor:
        return "a hypervisor decided what CPUID shows"
    partly = timeline is not None and bool(timeline.occurrences)
    known = "known only in part" if partly else "not known"
    return f"what updates change on this CPU is {known}"


def _at(
    silicon: Silicon, timeline: Timeline, line: Line, revision: int
) -> tuple[Cpu, Confidence | None, list[str]]:
    """The words at a revision, the weakest confidence, and what to know of them."""
    own = revision == silicon.revision
    confidences = [Confidence.SEEN] if own else []
    details: list[str] = []
    cpu = silicon.dumped
    step = line.step(revision)
    words = {} if step is None else _words(silicon, timeline, line, step, revision)
    if step is not None and (words or not own):
        confidences.append(line.confidence(step))
        if step.evidence:
            details.append(f"the words from {step.first:08x} on: {step.evidence}")
        cpu = with_words(cpu, words)
    for occurrence in timeline.occurrences:
        words = _occurred(occurrence, cpu, silicon, revision)
        if any(word(cpu, name) != value for name, value in words.items()):
            confidences.append(occurrence.confidence)
            details += [f"{occurrence.effect}: {occurrence.note}"] if occurrence.note else []
        cpu = with_words(cpu, words)
    if word(cpu, "10a") & TSX_CTRL:
        cpu = with_words(cpu, {"7b0": word(cpu, "7b0") | HLE_RTM})
    # What Xen decides by the revision rests on these, whether the revision is reached or not.
    confidences += [o.confidence for o in timeline.occurrences if o.effect in (_SRSO, _TSA)]
    if timeline.note:
        details.append(timeline.note)
    return cpu, min(confidences, default=None), details


def _words(
    silicon: Silicon, timeline: Timeline, line: Line, step: Step, revision: int
) -> dict[str, int]:
    """The watched words in a step."""
    dumped = silicon.revision
    before = line.step(dumped) if dumped is not None else None
    if step is before:  # the dump's own words stand, but for a register that it lacks
        state = step.words["10a"]
        return {} if state is None or word(silicon.dumped, "10a") else {"10a": state}
    words: dict[str, int] = {}
    for name, state in step.words.items():
        if state is None:
            continue
        mask, own = timeline.watched[name], word(silicon.dumped, name)
        extra = 0
        if before is not None and dumped is not None and dumped < revision and own & mask:
            extra = own & mask & ~(before.words[name] or 0)
        words[name] = own & ~mask | state | extra
    for condition in timeline.conditions:
        if silicon.has(condition.needs):
            continue
        lacking = {name: words.get(name, 0) & bits for name, bits in condition.bits.items()}
        for name, bits in condition.bits.items():
            words[name] = words.get(name, 0) & ~bits
        for name, bits in condition.otherwise.items():
            if any(lacking.values()):
                words[name] = words.get(name, 0) | bits
    return words


def _occurred(occurrence: Occurrence, cpu: Cpu, silicon: Silicon, revision: int) -> dict[str, int]:
    """The words that an effect changes at a revision, as they are then.

    At the dump's own revision its words stand, and only registers are added.
    """
    if occurrence.first is None:
        return {}
    there = revision >= occurrence.first
    dumped = silicon.revision
    words: dict[str, int] = {}
    for change in occurrence.changes:
        if dumped == revision and change.sign != "=":
            continue
        value = words.get(change.word, word(cpu, change.word))
        match change.sign:
            case "+":
                words[change.word] = value | change.value if there else value & ~change.value
            case "-" if there:
                words[change.word] = value & ~change.value
            case "-" if dumped is not None and dumped >= occurrence.first:
                bits = change.value if silicon.tsx else change.value & ~_TSX.get(change.word, 0)
                words[change.word] = value | bits
            case "=" if there and (silicon.tsx or not change.value):
                known = (
                    silicon.dumped.msrs.get(int(change.word, 16)) if dumped == revision else None
                )
                words[change.word] = change.value if known is None else known
    return words


def _with_firmware(cpu: Cpu, timeline: Timeline | None, firmware: Firmware) -> Cpu:
    """The CPU under firmware settings. Raises FirmwareError."""
    for name, on in firmware.varying.items():
        where, bits = VARYING[name]
        occurrences = timeline.occurrences if timeline is not None else ()
        if not any(
            change.sign == "~" and change.word == where and change.value & bits
            for occurrence in occurrences
            for change in occurrence.changes
        ):
            raise FirmwareError(f"no dump of this CPU shows that firmware decides {name.upper()}")
        value = word(cpu, where)
        cpu = with_words(cpu, {where: value | bits if on else value & ~bits})
    if firmware.sgx:
        if not word(cpu, "7b0") & SGX:
            raise FirmwareError("this CPU has no SGX to be switched on (CPUID 7.0 EBX[2])")
        cpu = _locked(cpu, timeline)
    return cpu


def _locked(cpu: Cpu, timeline: Timeline | None) -> Cpu:
    """SGX in use: the bits of MCU_OPT_CTRL that microcode then locks."""
    locks = word(cpu, _MCU_OPT_CTRL)
    revision = cpu.microcode or 0
    for occurrence in timeline.occurrences if timeline is not None else ():
        if occurrence.effect == _RTM_GONE and revision >= (occurrence.first or 0):
            locks |= _RTM_LOCKED if word(cpu, "10a") & TSX_CTRL else 0
    locks |= _GDS_MIT_LOCK if word(cpu, "10a") & GDS_CTRL else 0
    return with_words(cpu, {_MCU_OPT_CTRL: locks}) if locks else cpu


def _params(timeline: Timeline | None, revision: int | None, firmware: Firmware) -> dict[str, Any]:
    """What no leaf shows: whether PRED_CMD.SBPB can be written (which Xen tries), and SMT."""
    params: dict[str, Any] = {}
    for occurrence in timeline.occurrences if timeline is not None else ():
        if occurrence.effect == _SRSO and occurrence.first is not None and revision is not None:
            params["sbpb"] = int(revision >= occurrence.first)
    if firmware.smt is not None:
        params["smt"] = int(firmware.smt)
    return params


def _basis(
    revision: int | None,
    release: Release | None,
    how: str,
    confidence: Confidence | None,
    settings: str,
) -> str:
    """In a line: revision, date, why this one, and how well its words are known."""
    if revision is None:
        sentence = f"microcode revision not recorded, {how}"
    else:
        sentence = f"microcode {revision:08x}"
        if release is not None:
            public = release.public and release.released
            sentence += f" of {release.released}" if public else f", built {release.built}"
        sentence += f", {how}"
    if confidence is not None:
        sentence += f"; weakest evidence: {confidence}"
    return f"{sentence}; firmware: {settings}" if settings else sentence


def _loading(release: Release | None) -> list[str]:
    if release is None or release.base is None:
        return []
    return [f"{release.revision:08x} loads only over {release.base:08x} or newer from firmware"]


def of(cpu: Cpu, wish: Wish = NEWEST, firmware: Firmware = USUAL) -> Running:
    """run() for a dump, with what is known of its signature."""
    timeline = microcode.timeline(cpu.vendor, cpu.signature)
    return run(Silicon(cpu), timeline, wish, firmware)
