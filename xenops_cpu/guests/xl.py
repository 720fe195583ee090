"""xl's own words for a guest's CPU: cpuid= of xl.cfg(5), read as xl and libxl read it.

A text that begins with `host` is a list of NAME=VALUE; a list is of xend strings, one a leaf:
`LEAF[,SUBLEAF]:eax=32 characters,ebx=...`. Both become strings of bits, and later items overwrite
bits of earlier ones (tools/xl/xl_parse.c, tools/libs/light/libxl_cpuid.c, 4.13 to 4.22). xl never
stops at a bad item: it complains and goes on without it. So does this reader.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..cpuid.identity import REGISTERS
from ..cpuid.policy import NO_SUBLEAF
from ..features.featureset import WORD_BITS, Featureset
from ..features.release import Release
from .recalculation import sanitised
from .strings import MsrString, XendLeaf

if TYPE_CHECKING:
    from .libxl_names import Flag, MsrBit

_LEAF_BITS = 32
_FAMILY, _MODEL = "family", "model"


class Setting(NamedTuple):
    """A cpuid= setting as libxl hands it to libxc. `complaints`: what xl says and leaves out."""

    xend: tuple[XendLeaf, ...] = ()
    msr: tuple[MsrString, ...] = ()
    complaints: tuple[str, ...] = ()

    def texts(self) -> list[str]:
        """The xend strings, as a list in xl.cfg has them; those of MSRs cannot be written so."""
        return [xend_text(leaf) for leaf in self.xend]


class _Reader:
    """What has been read so far: characters by leaf and register, and by MSR."""

    def __init__(self) -> None:
        self.leaves: dict[tuple[int, int], list[list[str] | None]] = {}
        self.msrs: dict[int, list[str]] = {}
        self.complaints: list[str] = []

    def leaf(self, leaf: int, subleaf: int) -> list[list[str] | None]:
        return self.leaves.setdefault((leaf, subleaf), [None] * len(REGISTERS))

    def put(self, flag: Flag, characters: Sequence[str], low: int) -> None:
        """Characters, the highest bit first, of which the last stands for bit `low`."""
        entry = self.leaf(flag.leaf, flag.subleaf)
        text = entry[flag.register] or ["x"] * _LEAF_BITS
        end = _LEAF_BITS - low
        text[end - len(characters) : end] = characters
        entry[flag.register] = text

    def setting(self) -> Setting:
        xend = []
        for (leaf, subleaf), registers in self.leaves.items():
            a, b, c, d = (None if text is None else "".join(text) for text in registers)
            xend.append(XendLeaf(leaf, subleaf, (a, b, c, d)))
        msr = tuple(MsrString(index, "".join(text)) for index, text in self.msrs.items())
        return Setting(tuple(xend), msr, tuple(self.complaints))


def read(setting: str | Sequence[str], xen: Release) -> Setting:
    """The value of cpuid=: a text beginning with `host`, or a list of xend strings."""
    reader = _Reader()
    if isinstance(setting, str):
        first, *items = [item for item in setting.split(",") if item] or [""]
        if first != "host":
            reader.complaints.append(f'"{setting[:60]}": the first word must be "host"')
            return reader.setting()
        for item in items:
            _name(reader, item, xen)
    else:
        for item in setting:
            _xend(reader, item)
    return reader.setting()


def _name(reader: _Reader, item: str, xen: Release) -> None:
    from .libxl_names import MsrBit, names  # most VMs have no such setting

    name, equals, value = item.partition("=")
    if not equals:
        reader.complaints.append(f'"{item}": there is no "=" in it')
        return
    meaning = names(xen).get(name)
    if meaning is None:
        reader.complaints.append(f'"{item}": libxl of {xen.title} has no name "{name}"')
    elif isinstance(meaning, MsrBit):
        _msr_bit(reader, meaning, value, item)
    else:
        _flag(reader, meaning, value, item)


def _msr_bit(reader: _Reader, meaning: MsrBit, value: str, item: str) -> None:
    if value not in ("0", "1", "x", "k", "s"):
        reader.complaints.append(f'"{item}": a bit of an MSR is one of 0, 1, x, k, s')
        return
    from .libxl_names import MSR_BITS

    text = reader.msrs.setdefault(meaning.index, ["x"] * MSR_BITS)
    text[MSR_BITS - 1 - meaning.bit] = "k" if value == "s" else value


def _flag(reader: _Reader, flag: Flag, value: str, item: str) -> None:
    number = _number(value)
    if number is not None:
        characters = list(f"{number & (1 << flag.width) - 1:0{flag.width}b}")
    elif value[:1] in ("x", "k", "s") and value:
        characters = [value[0]] * flag.width
    else:
        reader.complaints.append(f'"{item}": a value is a number, x, k or s')
        return
    if flag.name == _FAMILY:
        _family(reader, flag, number or 0, characters)
    elif flag.name == _MODEL:
        reader.put(flag, characters[:4], 16)
        reader.put(flag, characters[4:], flag.low)
    else:
        reader.put(flag, characters, flag.low)


def _family(reader: _Reader, flag: Flag, number: int, characters: list[str]) -> None:
    """Up to 15 it is the base family, and there is no extended one; else base 15 and the rest."""
    if number < 16:
        reader.put(flag, characters[4:], flag.low)
        reader.put(flag, "0" * 8, 20)
    else:
        reader.put(flag, "1" * 4, flag.low)
        reader.put(flag, [characters[0], *f"{number - 15 & 0x7F:07b}"], 20)


_STRTOUL = re.compile(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")


def _number(text: str) -> int | None:
    """As C's strtoul() with base 0 reads the beginning of a text; None where there is none."""
    match = _STRTOUL.match(text)
    if match is None:
        return None
    digits = match[2]
    base = 16 if digits[:2].lower() == "0x" else 8 if digits.startswith("0") else 10
    number = int(digits, base)
    return (-number if match[1] == "-" else number) & 0xFFFFFFFFFFFFFFFF


_XEND = re.compile(rf"({_STRTOUL.pattern})(?:,({_STRTOUL.pattern}))?:(?P<registers>.*)", re.DOTALL)
_REGISTER = re.compile(r"e([a-d])x[^=]*=(.*)", re.DOTALL)


def _xend(reader: _Reader, item: str) -> None:
    match = _XEND.fullmatch(item)
    if match is None:
        reader.complaints.append(f'"{item[:60]}": not LEAF[,SUBLEAF]:REGISTER=32 characters,...')
        return
    leaf, subleaf = _number(match[1]), _number(match[4]) if match[4] else NO_SUBLEAF
    assert leaf is not None
    assert subleaf is not None
    entry = reader.leaf(leaf & 0xFFFFFFFF, subleaf & 0xFFFFFFFF)
    unread = match["registers"]
    while unread:
        register = _REGISTER.fullmatch(unread)
        if register is None:
            reader.complaints.append(f'"{unread[:40]}": a register is eax, ebx, ecx or edx')
            return
        text, comma, unread = register[2].partition(",")
        if len(text) != _LEAF_BITS:
            reader.complaints.append(f'"{text[:40]}" has {len(text)} characters, not 32')
            return
        entry["abcd".index(register[1])] = list(text)
        unread = unread.lstrip(" \n") if comma else ""


def xend_text(leaf: XendLeaf) -> str:
    """One leaf as an item of the list in xl.cfg(5)."""
    place = f"{leaf.leaf:#x}" + ("" if leaf.subleaf == NO_SUBLEAF else f",{leaf.subleaf:#x}")
    strings = zip(REGISTERS, leaf.strings, strict=True)
    return f"{place}:{','.join(f'{name}={text}' for name, text in strings if text is not None)}"


def resulting(
    setting: Setting, base: Featureset, xen: Release, host: Featureset | None = None
) -> Featureset:
    """The features that a setting leaves of `base`, what the guest would have without it.

    Dependents of what it takes away go as well, as Xen clears them. `host`: what k and s stand for;
    without it they count as not there. What Xen itself does not give this guest on the host is
    not looked at: create a domain for that.
    """
    bits = base.extended(xen.length).bits
    from_host = host.bits if host is not None else 0
    strings = {(leaf.leaf, leaf.subleaf): leaf.strings for leaf in setting.xend}
    msrs = {string.index: string.text for string in setting.msr}
    for word in xen.words:
        shift = word.index * WORD_BITS
        text: str | None = None
        if word.msr is not None and word.msr in msrs:
            text = msrs[word.msr][:32] if word.half == "hi" else msrs[word.msr][32:]
        elif word.leaf is not None and word.register is not None:
            key = (word.leaf, NO_SUBLEAF if word.subleaf is None else word.subleaf)
            text = strings[key][REGISTERS.index(word.register)] if key in strings else None
        for place, character in enumerate(text or ""):
            bit = 1 << shift + 31 - place
            if character == "1" or (character in "ks" and from_host & bit):
                bits |= bit
            elif character in "0ks":
                bits &= ~bit
    return Featureset(sanitised(bits, xen), max(base.length, xen.length))
