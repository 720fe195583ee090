"""One feature for people and for programs: what explain tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...explain.feature import Explanation, Place
from ...features import concepts, meanings
from ...features.release import Release
from ...features.release import release as release_named
from .. import terminal
from .bit import described, other_names

if TYPE_CHECKING:
    from ...derivation import Reason
    from ...explain.presence import Presence

_SAID = {None: "not told", True: "yes", False: "no"}
_STYLES = {None: "", True: "green", False: "red"}


def show(explanation: Explanation, inside: Presence | None) -> None:
    bit, xen = explanation.bit, explanation.release
    terminal.heading(bit.name)
    if bit.meaning:
        terminal.paragraph(bit.meaning, 2)
    since = f"named since {_title(bit.since)}" if bit.since else "no Xen release names it"
    if bit.since and xen.feature(bit.number) is None:
        since += f", not by {xen.title}"
    rows = [
        ("where", f"{bit.place} (word {bit.number // 32}), {since}"),
        ("kind", meanings.GROUPS[bit.group]),
        ("guests", f"{bit.annotation or 'no annotation'}: {bit.exposure}"),
        ("needs", _named(xen, explanation.needs)),
        ("needed by", _named(xen, explanation.needed_by)),
        ("also", other_names(bit)),
        ("see", ", ".join(f"explain {concept.name}" for concept in concepts.about(bit.name))),
    ]
    for title, text in rows:
        if text:
            terminal.paragraph(f"{title + ':':<11}{text}", 2, 11)
    if explanation.tsx is not None:
        terminal.paragraph(f"{'TSX here:':<11}{', '.join(explanation.tsx.words)}", 2, 11)
        for sentence in explanation.tsx.sentences:
            terminal.paragraph(sentence, 13, 2)
    if inside is not None:
        terminal.line(f"  {inside.vm.name}: {_SAID[inside.present]}", _STYLES[inside.present])
        if inside.why:
            terminal.paragraph(inside.why, 6, 2)
    reasons: list[Reason] = []
    for name, place in explanation.places.items():
        _place(name, place, reasons)


def _named(xen: Release, numbers: tuple[int, ...]) -> str:
    names = [xen.label(number) for number in numbers if xen.feature(number) is not None]
    unnamed = len(numbers) - len(names)
    if unnamed:
        names.append(f"(and {unnamed} bits without a name)")
    return " ".join(names) or "nothing"


def _place(name: str, place: Place, reasons: list[Reason]) -> None:
    """A set, and what has not been told of it yet."""
    from ...hosts.host import TITLES

    terminal.line(f"  {', '.join(TITLES[name])}: {_SAID[place.present]}", _STYLES[place.present])
    for reason in place.why:
        if reason not in reasons:
            reasons.append(reason)
            sign = "+" if reason.present else "-"
            terminal.paragraph(f"{sign} {reason.text} [{reason.step}]", 6, 2)
    if place.compatibility:
        terminal.paragraph(f"a compatibility bit: {place.compatibility}", 6, 2)


def _title(name: str) -> str:
    return release_named(name).title


def document(explanation: Explanation, inside: Presence | None = None) -> dict[str, Any]:
    """docs/json.md has the schema."""
    xen = explanation.release
    in_vm = (
        {}
        if inside is None
        else {"vm": {"name": inside.vm.name, "present": inside.present, "why": inside.why}}
    )
    return (
        described(explanation.bit)
        | {
            "release": xen.name,
            "needs": xen.names(explanation.needs),
            "needed_by": xen.names(explanation.needed_by),
            "tsx": list(explanation.tsx.words) if explanation.tsx is not None else None,
            "sets": {
                name: {
                    "present": place.present,
                    "why": [
                        {
                            "set": reason.set,
                            "step": reason.step,
                            "feature": xen.label(reason.feature),
                            "present": reason.present,
                            "text": reason.text,
                        }
                        for reason in place.why
                    ],
                    "compatibility": place.compatibility,
                }
                for name, place in explanation.places.items()
            },
            "notes": list(explanation.notes),
        }
        | in_vm
    )
