"""What is known of microcode, by CPU signature: releases, and what each adds or takes away.

The facts are in data/microcode, made by scripts/import-microcode; the files say how they are
written and where each fact comes from. Nothing is read before it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from .. import data_files
from .timeline import (
    STEPPED,
    Change,
    Condition,
    Confidence,
    Effect,
    Line,
    Occurrence,
    Package,
    Release,
    Step,
    Timeline,
)


@cache
def _text(name: str) -> str:
    return data_files.read_text(f"microcode/{name}")


@cache
def as_of() -> str:
    """The day on which the facts were gathered: YYYY-MM-DD."""
    match = re.search(r"^as-of (\S+)$", _text("signatures.txt"), re.MULTILINE)
    assert match is not None
    return match[1]


@cache
def sources() -> Mapping[str, str]:
    """What the letters in Release.sources stand for."""
    return dict(re.findall(r"^source (\w) (.+)$", _text("signatures.txt"), re.MULTILINE))


@cache
def timeline(vendor: str, signature: int) -> Timeline | None:
    """Of a CPU: its vendor's twelve characters and EAX of leaf 1. None where nothing is known."""
    text = _text("signatures.txt")
    start = text.find(f"\n= {vendor} {signature:08x}") + 1
    if not start:
        return None
    end = text.find("\n= ", start)
    watched = re.search(r"^watched (\w+)$", text, re.MULTILINE)
    assert watched is not None
    return _read(text[start : end if end > 0 else None], int(watched[1], 16))


def _read(block: str, watched: int) -> Timeline:
    head, *rows = block.splitlines()
    _, vendor, signature, *name = head.split(" ", 3)
    lines: list[tuple[str, list[Release], list[Step]]] = []
    note, occurrences, conditions = "", [], []
    for row in rows:
        kind, _, text = row.partition(" ")
        match kind:
            case "note":
                note = text
            case "line":
                lines.append((text, [], []))
            case "r":
                lines[-1][1].append(_release(text.split()))
            case "s":
                lines[-1][2].append(_step(text))
            case "e":
                occurrences.append(_occurrence(text))
            case "only":
                conditions.append(_condition(text.split()))
            case _:
                raise AssertionError(f"data/microcode/signatures.txt: {row}")
    return Timeline(
        vendor,
        int(signature, 16),
        "".join(name),
        note,
        tuple(Line(masks, tuple(releases), tuple(steps)) for masks, releases, steps in lines),
        tuple(occurrences),
        tuple(conditions),
        {"7d0": watched, "7d2": 0xFFFFFFFF, "10a": 0xFFFFFFFF_FFFFFFFF},
    )


def _release(parts: list[str]) -> Release:
    revision, built, released, letters, *flags = parts
    marks = dict(flag.partition("=")[::2] for flag in flags)
    return Release(
        revision=int(revision, 16),
        built=built,
        released=released.strip("-"),
        sources=letters,
        public="firmware" not in marks,
        by=marks.get("by", "") or marks.get("mce", ""),
        base=int(marks["base"], 16) if "base" in marks else None,
        recalled="recalled" in marks,
        withdrawn=marks.get("withdrawn", ""),
        packages=tuple(filter(None, marks.get("xcp", "").split(","))),
    )


def _step(text: str) -> Step:
    facts, _, evidence = text.partition(" | ")
    first, *words, confidence, effects = (*facts.split(), "")[:6]
    return Step(
        int(first, 16),
        {
            key: None if word == "-" else int(word, 16)
            for key, word in zip(STEPPED, words, strict=True)
        },
        Confidence[confidence.upper()],
        tuple(filter(None, effects.split(","))),
        evidence,
    )


_CHANGE = re.compile(r"(\w+)([-+~])([0-9a-f]+)|(\w+)(=)([0-9a-f]+)")


def _occurrence(text: str) -> Occurrence:
    facts, _, note = text.partition(" | ")
    first, effect, confidence, *limits = facts.split()
    named = {part.partition("=")[0]: part for part in limits}
    return Occurrence(
        None if first == "-" else int(first, 16),
        effect,
        Confidence[confidence.upper()],
        tuple(_changes(part for name, part in named.items() if name not in ("base", "fallback"))),
        _revision(named.get("base")),
        _revision(named.get("fallback")),
        note,
    )


def _revision(text: str | None) -> int | None:
    return int(text.partition("=")[2], 16) if text else None


def _changes(parts: Iterable[str]) -> Iterator[Change]:
    for part in parts:
        match = _CHANGE.fullmatch(part)
        assert match is not None, part
        word, sign, value = match.groups()[:3] if match[1] else match.groups()[3:]
        yield Change(word, sign, int(value, 16))


def _condition(parts: list[str]) -> Condition:
    needs, *branches = parts
    place = branches.index("else") if "else" in branches else len(branches)
    return Condition(needs, _bits(branches[:place]), _bits(branches[place + 1 :]))


def _bits(parts: list[str]) -> dict[str, int]:
    return {word: int(bits, 16) for word, _, bits in (part.partition("=") for part in parts)}


@cache
def effect(identity: str) -> Effect:
    """An effect by its id. KeyError for one that is not there."""
    return _effects()[identity]


@cache
def _effects() -> Mapping[str, Effect]:
    effects = {}
    for block in _text("effects.txt").split("\n= ")[1:]:
        identity, *rows = block.splitlines()
        facts = dict(row.split(" ", 1) for row in rows)
        effects[identity] = Effect(identity, **facts)
    return effects


@cache
def packages() -> tuple[Package, ...]:
    """Newest first in each distribution and family of packages."""
    rows = (row for row in _text("packages.txt").splitlines() if not row.startswith("#"))
    return tuple(
        Package(distribution, name, shipped, public.strip("-"))
        for distribution, name, shipped, public, _ in (row.split(" | ") for row in rows)
    )
