"""public/arch-x86/cpufeatureset.h: the words of a featureset and the features in them."""

from __future__ import annotations

import re
from typing import Any

from attrs import frozen

from .tree import Tree, TreeError

HEADER = "xen/include/public/arch-x86/cpufeatureset.h"
WORD_BITS = 32

_FEATURE = re.compile(
    r"^XEN_CPUFEATURE\((\w+),\s*(\d+)\s*\*\s*(\d+)\s*\+\s*(\d+)\)\s*/\*([\w!|]*)[ *]", re.MULTILINE
)
_ANY_FEATURE = re.compile(r"^XEN_CPUFEATURE\(\w.*$", re.MULTILINE)
_WORD = re.compile(r"^/\* (?P<where>.*), word (?P<index>\d+)\b.*\*/$", re.MULTILINE)
_LEAF = re.compile(r"CPUID level 0x([0-9A-Fa-f]{8})(?::(\d+))?\.(e[a-d]x)")
_MSR = re.compile(r"MSR_\w+ 0x([0-9A-Fa-f]+)\.(eax|edx)")


@frozen
class Feature:
    """`annotation`: the letters at the comment's start, see the header's "Attribute syntax"."""

    name: str
    number: int
    annotation: str


def features(tree: Tree) -> tuple[Feature, ...]:
    """In order of number. Raises TreeError for a line that cannot be read."""
    text = tree.text(HEADER)
    entries = []
    for line in _ANY_FEATURE.findall(text):
        match = _FEATURE.match(line)
        if match is None or int(match[3]) != WORD_BITS:
            raise TreeError(f"{HEADER}: cannot read the line {line!r}")
        entries.append(Feature(match[1], int(match[2]) * WORD_BITS + int(match[4]), match[5]))
    if not entries:
        raise TreeError(f"{HEADER} names no feature")
    numbers = [feature.number for feature in entries]
    if len(set(numbers)) != len(numbers):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        raise TreeError(f"{HEADER} names the bit {twice // 32}*32+{twice % 32} twice")
    return tuple(sorted(entries, key=lambda feature: feature.number))


def words(tree: Tree) -> tuple[dict[str, Any], ...]:
    """Each word's register, in order: the headings above the features."""
    entries = [_word(match) for match in _WORD.finditer(tree.text(HEADER))]
    for place, word in enumerate(entries):
        if word["index"] != place:
            raise TreeError(f"{HEADER}: word {word['index']} stands where word {place} should")
    return tuple(entries)


def reserved(first: int, count: int) -> tuple[dict[str, Any], ...]:
    """Words that XenServer keeps free at the end."""
    return tuple({"index": first + place, "type": "reserved"} for place in range(count))


def _word(match: re.Match[str]) -> dict[str, Any]:
    index, where = int(match["index"]), match["where"]
    leaf = _LEAF.search(where)
    if leaf is not None:
        return {
            "index": index,
            "type": "cpuid",
            "leaf": leaf[1].lower(),
            "subleaf": None if leaf[2] is None else int(leaf[2]),
            "register": leaf[3],
        }
    msr = _MSR.search(where)
    if msr is None:
        raise TreeError(f"{HEADER}: cannot tell the register of word {index} from {where!r}")
    half = {"eax": "lo", "edx": "hi"}[msr[2]]
    return {
        "index": index,
        "type": "msr",
        "msr": f"{int(msr[1], 16):07x}",
        "half": half,
        "register": msr[2],
    }
