"""What is fuzzed: each target takes any bytes and raises only where the program is at fault.

A target does more than call: what is read is written and read again, or is read a second way. A
module a noun: `transport` (HTTP), `wires` (XML-RPC, JSON-RPC, methods), `words` (what people and
configurations say), `texts` (what programs print), `files` (archives, images, databases), and
`commands` (the program's own command line).
"""

from __future__ import annotations

from pathlib import Path

from . import commands, files, texts, transport, wires, words
from .target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for noun in (transport, wires, words, texts, files, commands)
    for target in noun.TARGETS
}


def corpus(name: str) -> list[Path]:
    """The kept inputs of a target."""
    return sorted((Path(__file__).parent.parent / "corpus" / name).glob("*"))


__all__ = ["TARGETS", "Target", "corpus"]
