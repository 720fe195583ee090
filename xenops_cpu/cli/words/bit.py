"""One bit for people and for programs: what decode and explain have of it."""

from __future__ import annotations

from typing import Any

from ...features import meanings
from ...features.bits import Bit


def other_names(bit: Bit) -> str:
    """What others call it, each with who does."""
    return ", ".join(f"{speaker} {'/'.join(names)}" for speaker, names in bit.aliases.items())


def described(bit: Bit) -> dict[str, Any]:
    """One bit for programs: docs/json.md."""
    word = bit.word
    return {
        "name": bit.name,
        "number": bit.number,
        "word": bit.number // 32,
        "bit": bit.bit,
        "leaf": f"{word.leaf:08x}" if word and word.leaf is not None else None,
        "subleaf": word.subleaf if word else None,
        "register": word.register if word else None,
        "msr": f"{word.msr:08x}" if word and word.msr is not None else None,
        "half": word.half if word else None,
        "annotation": bit.annotation,
        "exposure": bit.exposure,
        "since": bit.since,
        "group": meanings.GROUPS[bit.group],
        "meaning": bit.meaning,
        "aliases": {speaker: list(names) for speaker, names in bit.aliases.items()},
    }
