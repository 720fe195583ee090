"""How check tells what a guest finds changed where it goes: a few lines for people, all as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...cpuid.fields import FEATURES, OTHER
from ...pools.arrival import PARTS, Move
from ...pools.arrival import moves as moves_of
from ...pools.verdict import Answer
from ...pools.words import count
from .. import terminal

if TYPE_CHECKING:
    from ...guests.changes import Change

# Subleaf and register in the title of a change that is about neither field nor feature.
_REGISTER = re.compile(r"(?<=[0-9a-f])(?::[0-9a-f]+)? e[a-d]x")


def moves(answers: Sequence[Answer]) -> list[Move | None]:
    """Of each answer, in their order."""
    return list(moves_of((answer.vm, answer.host) for answer in answers))


def as_json(move: Move | None) -> dict[str, Any] | None:
    """docs/json.md has the schema."""
    if move is None:
        return None
    arrival = move.arrival
    changes = arrival.changes if arrival is not None else ()
    return {
        "unknown": move.unknown,
        "predicted": move.predicted,
        "carried": None if arrival is None else arrival.carried,
        "refused": move.refused,
        "changes": [change_json(change) for change in changes],
        "as_before": list(move.as_before),
        "assumed": list(move.assumed),
    }


def tell(answer: Answer, move: Move | None, everything: bool) -> None:
    """What is known of one move, each kind of change in one paragraph."""
    if move is None or move.arrival is None:
        return
    how = f" (predicted: {move.predicted})" if move.predicted else ""
    if move.refused:
        if not answer.problems:
            terminal.paragraph(f"it would not arrive: {move.refused}{how}", 2, 2, "red")
        return
    if not move.arrival.changes:
        terminal.paragraph(f"its guest finds nothing changed in its CPU policy{how}", 2, 2)
        return
    terminal.paragraph(f"its guest finds changed{how}:", 2, 2)
    named = frozenset(lack.name for lack in answer.missing)
    flags = [change for change in move.arrival.changes if change.flag]
    for text in _flags(flags, named):
        terminal.paragraph(text, 4, 2)
    for part in PARTS:
        others = [change for change in move.changes(part) if not change.flag]
        if others:
            terminal.paragraph(f"{part}: {_others(part, others, everything)}", 4, 2)
    same = [part for part in move.as_before if part != FEATURES or not flags]
    if same:
        terminal.paragraph(f"as before: {', '.join(same)}", 4, 2)


def unknown(moves: Sequence[Move | None]) -> Iterator[str]:
    """What was not known of some of the moves, each once."""
    for why in dict.fromkeys(move.unknown for move in moves if move is not None and move.unknown):
        yield (
            f"{why}: what else its guest finds changed there (address width, saved state, "
            "topology, caches) was not compared"
        )


def change_json(change: Change) -> dict[str, Any]:
    """One change, as all commands have it."""
    return {
        "category": change.category,
        "title": change.title,
        "before": change.before,
        "after": change.after,
        "lost": change.lost,
        "why": change.why,
    }


def assumed(moves: Sequence[Move | None]) -> Iterator[str]:
    """What was taken as true where it is not known, each once."""
    yield from dict.fromkeys(text for move in moves if move is not None for text in move.assumed)


def _flags(changes: Sequence[Change], named: frozenset[str]) -> Iterator[str]:
    """Features, and bits of registers: those that the verdict names already are not repeated."""
    cleared = [change.flag for change in changes if change.lost]
    lacked = "those that are missing" if named and named <= set(cleared) else ""
    others = [name for name in cleared if not lacked or name not in named]
    if cleared:
        yield f"cleared without a word: {' and '.join(filter(None, (lacked, ' '.join(others))))}"
    if gained := [change.flag for change in changes if not change.lost]:
        yield f"there only: {' '.join(gained)}"


def _others(part: str, changes: Sequence[Change], everything: bool) -> str:
    """Of registers without fields that are known the leaves alone, unless all is asked for."""
    if part == OTHER and not everything:
        leaves = dict.fromkeys(_REGISTER.sub("", change.title) for change in changes)
        return f"{', '.join(leaves)} ({count(len(changes), 'register')}: --details)"
    return "; ".join(map(_text, changes))


def _text(change: Change) -> str:
    return f"{change} (less than it had)" if change.lost else str(change)
