"""xenops-cpu cpus: the CPUs that are shipped, and what microcode made of each."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Any

from ...cpus import microcode, shipped, updates
from ...cpus.shipped import Instance, Shipped
from ...cpus.timeline import Line, Timeline
from ...cpus.updates import Event
from ...errors import InputError
from .. import OK, Failure, command_line, terminal

_EXAMPLES = """  xenops-cpu cpus                               # all, with their newest microcode
  xenops-cpu cpus xeon-gold-6240                # one: what each update added or took away
  xenops-cpu cpus xeon-gold-6240+2019-11        # as it was then
  xenops-cpu cpus epyc-7763 --json | jq .history
  xenops-cpu explain RTM on cpu:xeon-gold-6240+2019-11   # and what guests see

exit codes: 0 done, 2 wrong use, 3 no such CPU or microcode
"""


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "cpus",
        "The CPUs that come with the program, and the history of their microcode. A name stands "
        "for the CPU with the newest public microcode; after a + another revision, a date or "
        "as-dumped (docs/microcode.md).",
        _EXAMPLES,
    )
    command.add_argument("cpu", nargs="?", metavar="CPU", help="one CPU, with its history")
    command.add_argument("--json", action="store_true", help="for programs (docs/json.md)")
    return command


def run(arguments: argparse.Namespace) -> int:
    if arguments.cpu is None:
        names = list(shipped.catalogue())
        instances = [shipped.find(name) for name in names]
        if arguments.json:
            terminal.print_json(
                {"as_of": microcode.as_of(), "cpus": list(map(document, instances))}
            )
        else:
            _list(instances)
        return OK
    try:
        instance = shipped.find(arguments.cpu)
    except InputError as error:
        raise Failure(str(error)) from error
    if arguments.json:
        terminal.print_json({"as_of": microcode.as_of(), **document(instance)})
    else:
        _show(instance)
    return OK


def _timeline(cpu: Shipped) -> tuple[Timeline, Line] | None:
    """What is known of a CPU's microcode, and the line of its kind of part."""
    known = microcode.timeline(cpu.cpu.vendor, cpu.cpu.signature)
    return (known, known.line(cpu.microcode)) if known is not None and known.lines else None


def history(cpu: Shipped) -> tuple[Event, ...]:
    """What each microcode update of a CPU changed, oldest first."""
    known = _timeline(cpu)
    return updates.events(*known) if known is not None else ()


def document(instance: Instance) -> dict[str, Any]:
    """A CPU and its history for programs: revisions and signatures as 8 hex digits."""
    cpu, running = instance.shipped, instance.running
    known = _timeline(cpu)
    return {
        "name": instance.id,
        "cpu": cpu.title,
        "microarchitecture": cpu.microarchitecture,
        "vendor": cpu.cpu.vendor,
        "signature": f"{cpu.cpu.signature:08x}",
        "stands_for": list(cpu.stands_for),
        "source": cpu.source,
        "dumped_at": _hex(cpu.microcode),
        "microcode": {
            "revision": _hex(running.revision),
            "date": running.date or None,
            "confidence": None if running.confidence is None else str(running.confidence),
            "basis": running.basis,
        },
        "releases": [
            {
                "revision": _hex(release.revision),
                "built": release.built,
                "released": release.released or None,
                "public": release.public,
                "loads_over": _hex(release.base),
            }
            for release in (known[1].releases if known is not None else ())
        ],
        "history": [
            {
                "revision": _hex(event.revision),
                "date": event.date or None,
                "adds": list(event.added),
                "removes": list(event.removed),
                "effects": [effect.title for effect in event.effects],
                "confidence": str(event.confidence),
                "note": event.note,
            }
            for event in history(cpu)
        ],
    }


def _hex(revision: int | None) -> str | None:
    return None if revision is None else f"{revision:08x}"


def _list(instances: Iterable[Instance]) -> None:
    terminal.table(
        ("name", "microarchitecture", "signature", "dumped at", "newest public", "all", "changing"),
        [
            (
                instance.id,
                instance.shipped.microarchitecture,
                f"{instance.cpu.signature:08x}",
                _hex(instance.shipped.microcode) or "–",
                *_extent(instance.shipped),
            )
            for instance in instances
        ],
    )
    print()
    terminal.paragraph(
        f"Microcode as of {microcode.as_of()}; all: public revisions, changing: those that change "
        "what CPUID and MSR 10a show. A name stands for the CPU with the newest public one; "
        "`xenops-cpu cpus NAME` tells what each update changed."
    )


def _extent(cpu: Shipped) -> tuple[str, str, str]:
    """The newest public revision and its day, how many are public, how many change CPUID."""
    known = _timeline(cpu)
    public = known[1].public() if known is not None else []
    if known is None or not public:
        return "–", "–", "–"
    changing = sum(bool(event.added or event.removed) for event in history(cpu))
    newest = f"{public[-1].revision:08x} {public[-1].day}"
    return newest, str(len(public)), str(changing) if known[0].whole else "not known"


def _show(instance: Instance) -> None:
    cpu, running = instance.shipped, instance.running
    terminal.heading(f"{cpu.title}: {cpu.microarchitecture}, {cpu.cpu.signature:08x}")
    known = _timeline(cpu)
    if known is not None and known[0].name:
        terminal.paragraph(f"signature of {known[0].name}")
    for text in (*instance.notes, *running.details):
        terminal.paragraph(text, hanging=2)
    if known is None:
        return
    print()
    terminal.heading("What updates changed")
    rows = list(_rows(known[1], history(cpu), running.revision))
    if not rows:
        terminal.paragraph("nothing that is known here", indent=2)
    for text in rows:
        terminal.paragraph(text, indent=2, hanging=4)
    dumped = cpu.microcode
    print()
    terminal.heading("Public releases")
    for release in known[1].public():
        own = "  (the dump's)" if release.revision == dumped else ""
        over = f"  over {release.base:08x} or newer" if release.base is not None else ""
        terminal.line(f"  {release.day}  {release.revision:08x}{over}{own}")


def _rows(line: Line, history: Iterable[Event], revision: int | None) -> Iterator[str]:
    """A line an event; a mark where the CPU stands that was asked for."""
    if line.steps:
        state = line.steps[0]
        names = [name for word, bits in state.words.items() for name in
                 updates.bit_names(word, bits or 0)]  # fmt: skip
        yield f"at launch: {' '.join(names) or 'none of these bits'}, {state.confidence}"
    passed = revision is None
    for event in history:
        if not passed and revision is not None and event.revision > revision:
            passed = True
            yield f"--- {revision:08x} is here ---"
        known = str(event.confidence)
        note = event.note if event.note.startswith(known) else f"{known}; {event.note}"
        yield f"{event}, {note if event.note else known}"
