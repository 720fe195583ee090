"""Configuration text that gives a guest a level: for xl, for libvirt, for xapi.

xl and libvirt take a difference from what the host gives at boot; xapi takes the level itself.

- xl.cfg(5), `cpuid`: names since Xen 4.18 (libxl takes them from cpufeatureset.h from then on, and
  reaches MSR_ARCH_CAPS by them); before that a list of registers as strings of 32 characters, bit
  31 first, `0`, `1` or `x` (leave alone), which every xl reads and which knows CPUID only.
- libvirt: `<feature>` below `<cpu mode='host-passthrough'>`, the only mode of its Xen driver.
- xapi: platform:featureset of a VM; where it is set, xapi takes it instead of the pool's level
  (ocaml/xapi/xapi_xenops.ml).
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from attrs import field, frozen

from ..errors import Error
from ..features.featureset import Featureset
from ..features.release import RELEASES, Release
from ..interface import GuestType
from .member import Member

_NAMES_SINCE = RELEASES.index("4.18")
# libvirt's names where they are not libxl's (xenTranslateCPUFeature in src/libxl/xen_xl.c); it
# hands any other name to libxl as it is.
_LIBVIRT = {
    "CX16": "cx16",
    "CX8": "cx8",
    "CLFLUSH": "clflush",
    "CMP_LEGACY": "cmp_legacy",
    "CR8_LEGACY": "cr8legacy",
    "FFXSR": "fxsr_opt",
    "HTT": "ht",
    "IBRSB": "spec-ctrl",
    "LAHF_LM": "lahf_lm",
    "NODEID_MSR": "nodeid_msr",
    "PAGE1GB": "pdpe1gb",
    "PCLMULQDQ": "pclmuldq",
    "SEP": "sep",
    "SSE3": "pni",
    "SSE4_1": "sse4.1",
    "SSE4_2": "sse4.2",
}


class EmitError(Error):
    """The difference cannot be written in that form; the message names the features."""


@frozen
class Difference:
    """What a level has less and more than `base`, what the host gives at boot, and whose names."""

    release: Release = field(repr=False)
    base: Featureset
    level: Featureset

    @property
    def off(self) -> Featureset:
        return self.base - self.level

    @property
    def on(self) -> Featureset:
        return self.level - self.base


def base(hosts: Sequence[Member], guest: GuestType, level: Featureset) -> Featureset:
    """What the text starts from so that it gives the level on each of the hosts.

    What any of them gives and the level has not is to be switched off; what the level has and one
    of them does not give (an OR-ed feature) is to be switched on.
    """
    some, every = Featureset(0, level.length), level
    for host in hosts:
        some, every = some | host.boot(guest), every & host.boot(guest)
    return (some - level) | every


def xl(difference: Difference) -> str:
    """The `cpuid` line of xl.cfg(5), with the names as a comment; never empty.

    Raises EmitError for bits without a name where names are needed, and for those of MSRs where
    registers are (Xen before 4.18).
    """
    if not difference.off and not difference.on:
        return "# the host gives just this level: no cpuid line is needed\n"
    if _by_name(difference.release):
        return _xl_names(difference)
    return _xl_registers(difference)


def _by_name(xen: Release) -> bool:
    return RELEASES.index(xen.name) >= _NAMES_SINCE


def _xl_names(difference: Difference) -> str:
    items = ["host"]
    for numbers, value in ((difference.off, 0), (difference.on, 1)):
        items += [f"{_named(difference.release, number)}={value}" for number in numbers]
    return f'cpuid = "{",".join(items)}"\n'


def _named(xen: Release, number: int) -> str:
    feature = xen.feature(number)
    if feature is None:
        raise EmitError(
            f"{xen.title} has no name for bit {xen.label(number)}, so its xl cannot set or clear it"
        )
    return feature.name.lower().replace("_", "-")


def _xl_registers(difference: Difference) -> str:
    xen = difference.release
    registers: dict[str, list[str]] = {}
    comments = []
    beyond = []
    for numbers, sign, value in ((difference.off, "without", "0"), (difference.on, "with", "1")):
        if numbers:
            comments.append(f"# {sign} {' '.join(xen.names(numbers))}\n")
        for number in numbers:
            word = xen.words[number // 32] if number // 32 < len(xen.words) else None
            if word is None or word.leaf is None:
                beyond.append(xen.label(number))
                continue
            leaf = f"0x{word.leaf:x}" + ("" if word.subleaf is None else f",0x{word.subleaf:x}")
            bits = registers.setdefault(f"{leaf}:{word.register}", ["x"] * 32)
            bits[31 - number % 32] = value
    if beyond:
        comments.append(
            f"# xl before 4.18 cannot reach MSRs, these stay as the host gives them: "
            f"{' '.join(beyond)}\n"
        )
    leaves: dict[str, list[str]] = {}
    for key, bits in registers.items():
        leaf, _, register = key.partition(":")
        leaves.setdefault(leaf, []).append(f"{register}={''.join(bits)}")
    lines = [f'  "{leaf}:{",".join(found)}",\n' for leaf, found in leaves.items()]
    if not lines:
        raise EmitError(f"xl before 4.18 cannot reach MSRs: {' '.join(beyond)}")
    return "".join(comments) + "cpuid = [\n" + "".join(lines) + "]\n"


def libvirt(difference: Difference) -> str:
    """The <cpu> element of a domain. Raises EmitError for bits without a name."""
    lines = ["<cpu mode='host-passthrough'>\n"]
    for numbers, policy in ((difference.off, "disable"), (difference.on, "force")):
        for number in numbers:
            name = _libvirt_name(difference.release, number)
            lines.append(f"  <feature policy='{policy}' name={quoteattr(name)}/>\n")
    return "".join(lines) + "</cpu>\n"


def _libvirt_name(xen: Release, number: int) -> str:
    feature = xen.feature(number)
    if feature is None:
        raise EmitError(f"libvirt has no name for bit {xen.label(number)}")
    return _LIBVIRT.get(feature.name, feature.name.lower().replace("_", "-"))


def xapi(level: Featureset, vm: str = "UUID") -> str:
    """The command that gives the VM `vm` this level at its next boot, and the one to undo it."""
    return (
        f"xe vm-param-set uuid={vm} platform:featureset={level}\n"
        f"# to have the pool's level again:\n"
        f"# xe vm-param-remove uuid={vm} param-name=platform param-key=featureset\n"
    )


__all__ = ["Difference", "EmitError", "libvirt", "xapi", "xl"]
