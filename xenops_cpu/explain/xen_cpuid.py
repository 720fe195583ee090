"""xen-cpuid's own text, as the tool of each Xen release prints and reads it.

Facts: xen/tools/misc/xen-cpuid.c of each release. Up to 4.18 the tool has names of its own, from
4.19 on they are generated from Xen's feature names. The text depends on the release in its names,
its padding, its titles, the separators it reads, and what it says of an argument that is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from ..cpuid.policy import Policy
from ..features.featureset import WORD_BITS, Featureset
from ..features.release import Release, Word
from ..features.xen_cpuid_names import Tool, tool
from ..hosts.host import Host

# The sets in the order in which each kind of tool prints them, by the names it gives them.
STATIC = {
    "Known": "known",
    "Special": "special",
    "PV Mask": "pv_def",
    "HVM Shadow Mask": "hvm_shadow_def",
    "HVM Hap Mask": "hvm_hap_def",
    "PV Max": "pv_max",
    "PV Default": "pv_def",
    "HVM Shadow Max": "hvm_shadow_max",
    "HVM Shadow Default": "hvm_shadow_def",
    "HVM Hap Max": "hvm_hap_max",
    "HVM Hap Default": "hvm_hap_def",
}
DYNAMIC = {
    "Raw": "raw",
    "Host": "host",
    "PV": "pv_default",
    "HVM": "hvm_default",
    "PV Default": "pv_default",
    "HVM Default": "hvm_default",
    "PV Max": "pv_max",
    "HVM Max": "hvm_max",
}
POLICIES = {
    "Raw": "raw",
    "Host": "host",
    "PV Max": "pv_max",
    "HVM Max": "hvm_max",
    "PV Default": "pv_default",
    "HVM Default": "hvm_default",
}

# What scanf("%x") of glibc takes: blanks, a sign, 0x even without digits after it.
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(?:(0[xX][0-9a-fA-F]*)|([0-9a-fA-F]+))")
_LONG = (1 << 64) - 1


@frozen
class Argument:
    """A featureset argument as the tool reads it. `complaints`: its lines on standard error."""

    featureset: Featureset
    complaints: tuple[str, ...] = ()


def read_argument(text: str, release: Release) -> Argument:
    """A featureset as the tool reads one from its command line; it never fails.

    Numbers beyond 32 bits keep their low half; what follows the last word read is ignored.
    """
    style = tool(release)
    words: list[int] = []
    position = 0
    while match := _NUMBER.match(text, position):
        words.append(_number(match))
        position = match.end()
        if len(words) == release.length or text[position : position + 1] not in tuple(
            style.separators
        ):
            break
        position += 1
    complaints = []
    if style.complains and not words:
        complaints.append(f"'{text}' unrecognized - skipping")
    elif style.complains and position < len(text):
        complaints.append(f"'{text[position:]}' unrecognized - ignoring")
    return Argument(Featureset.of_words(words), tuple(complaints))


def _number(match: re.Match[str]) -> int:
    """Of 64 bits, where too much is all ones, cut to 32."""
    value = int(match[2] or match[3], 16) if match[2] not in ("0x", "0X") else 0
    if value > _LONG:
        value = _LONG
    elif match[1] == "-":
        value = -value
    return value & 0xFFFFFFFF


def decode(arguments: Iterable[str], release: Release) -> tuple[str, tuple[str, ...]]:
    """What the tool prints for featureset arguments, and its lines on standard error."""
    printed: list[str] = []
    complaints: list[str] = []
    for text in arguments:
        argument = read_argument(text, release)
        complaints += argument.complaints
        if argument.featureset.length:
            printed.append(one_set("Raw", argument.featureset, release, detail=True))
        elif not tool(release).complains:
            printed.append(_padded("Raw", tool(release)))
    return "".join(printed), tuple(complaints)


def one_set(name: str, featureset: Featureset, release: Release, detail: bool) -> str:
    """A set under its name: its words, and with `detail` a line of names for each word."""
    style = tool(release)
    lines = [_padded(name, style) + featureset.text(":")]
    if detail:
        for word in release.words[: min(featureset.length, len(style.names))]:
            bits = range(word.index * WORD_BITS, (word.index + 1) * WORD_BITS)
            names = [style.name(number) for number in bits if number in featureset]
            title = f"{_title(word, style):{style.width}}"
            lines.append("".join([f"  [{word.index:02}] {title}", *(f" {n}" for n in names)]))
    return "\n".join(lines) + "\n"


def info(host: Host, detail: bool) -> str:
    """What the host's xen-cpuid prints with `-i`, or with `-d`."""
    release, style = host.release, tool(host.release)
    lines = [f"nr_features: {release.length}\n"]
    if not detail:
        known = release.words[: len(style.names)]
        lines.append(f"       {'KEY':>{style.width}} " + "".join(f"{w.name:8} " for w in known))
        lines.append("\n")
    lines.append("\nStatic sets:\n")
    lines += [one_set(name, release.masks[STATIC[name]], release, detail) for name in style.static]
    lines.append("\nDynamic sets:\n")
    for name in style.dynamic:
        featureset: Featureset | None = getattr(host.featuresets, DYNAMIC[name])
        if featureset is None or not featureset.length:
            lines.append(f"{name} featureset not supported by Xen\n")
        else:
            lines.append(one_set(name, featureset, release, detail))
    return "".join(lines)


def policies(named: Mapping[str, Policy]) -> str:
    """Policies as `xen-cpuid -p` prints them; the counts are those of the leaves given.

    Xen itself counts all-zero leaves as well, which neither prints.
    """
    return "\n".join(line for name, policy in named.items() for line in _policy(name, policy))


def _policy(name: str, policy: Policy) -> Iterator[str]:
    yield f"{name} policy: {len(policy.leaves)} leaves, {len(policy.msrs)} MSRs"
    yield " CPUID:"
    yield "  leaf     subleaf  -> eax      ebx      ecx      edx     "
    for (leaf, subleaf), registers in sorted(policy.leaves.items()):
        if any(registers):
            yield f"  {leaf:08x}:{subleaf:08x} -> " + ":".join(f"{r:08x}" for r in registers)
    yield " MSRs:"
    yield "  index    -> value           "
    for index, value in sorted(policy.msrs.items()):
        yield f"  {index:08x} -> {value:016x}"


def _padded(name: str, style: Tool) -> str:
    return f"{name:{style.width}}        "


def _title(word: Word, style: Tool) -> str:
    if word.msr is not None:
        return f"MSR_ARCH_CAPS.{word.half}"
    title = str(word)
    return title if style.width > 18 else title.removeprefix("CPUID ")
