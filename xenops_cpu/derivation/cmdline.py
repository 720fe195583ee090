"""Xen's command line, as far as it changes what guests see, read the way Xen reads it.

The rules are those of xen/common/kernel.c (parse_params(), parse_bool(), parse_boolean(),
cmdline_strcmp()), arch/x86/spec_ctrl.c parse_spec_ctrl() and arch/x86/cpu-policy.c parse_cpuid(),
4.13 to 4.22. Xen never stops at a bad option: it complains on its console and goes on. So does
this reader; it keeps apart what it ignored (`notes`) and what has the name of an option but cannot
be read (`malformed`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from attrs import frozen

from ..errors import Error
from ..features.release import Release, release
from .grammar import find_name, parse_bool, parse_boolean
from .reader import CpuidItem, Reader
from .spec_ctrl import read_spec_ctrl

# Xen copies each option into a buffer of 128 bytes and drops what does not fit.
MAX_OPTION: Final = 127


class CommandLineError(Error):
    """A command line that cannot be read, or (strict) an item Xen would complain about."""


@frozen
class BootOptions:
    """What the command line says. Where Xen has a default of its own, -1 or None is "not said".

    `tsx` and `gds_mit` hold Xen's own numbers: tsx -3 is "implicitly on because of
    spec-ctrl=no". `verw_*` are the explicit wishes for VERW. `smep`, `smap`: "on", "hvm", "off".
    """

    cpuid: tuple[CpuidItem, ...] = ()
    avx512: bool | None = None
    tsx: int = -1
    msr_sc_pv: bool = True
    msr_sc_hvm: bool = True
    verw_pv: int = -1
    verw_hvm: int = -1
    unpriv_mmio: bool = False
    gds_mit: int = -1
    bp_spec_reduce: bool = True
    ssbd: bool = False
    xsave: bool = True
    smep: str = "on"
    smap: str = "on"
    pku: bool = True
    hap: bool = True
    smt: int = -1
    nosmp: bool = False
    maxcpus: int | None = None
    psr: frozenset[str] = frozenset()
    nolapic: bool = False
    lapic: bool = False
    vpmu: bool = False
    watchdog: bool = False
    notes: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()


def _tsx(reader: Reader, value: str, option: str) -> None:
    wish = parse_bool(value)
    if wish is None:
        reader.bad(option, f'"{value}" is neither true nor false')
    else:
        reader.values["tsx"] = int(wish)


def _smxp(key: str) -> Callable[[Reader, str, str], None]:
    def read(reader: Reader, value: str, option: str) -> None:
        wish = parse_bool(value) if value else True
        if wish is not None:
            reader.values[key] = "on" if wish else "off"
        elif value == "hvm":
            reader.values[key] = "hvm"
        else:
            reader.bad(option, f'"{value}" is neither true, false nor "hvm"')

    return read


def _psr(reader: Reader, value: str, option: str) -> None:
    technologies = set(reader.values.get("psr", ()))
    for item in value.split(","):
        name, colon, text = item.partition(":")
        if name not in ("cat", "cdp", "mba"):
            continue
        wish = parse_bool(text) if colon else True
        if wish is None:
            reader.bad(option, f'"{text}" is neither true nor false')
        elif wish:
            technologies.add(name)
        else:
            technologies.discard(name)
    reader.values["psr"] = frozenset(technologies)


def _vpmu(reader: Reader, value: str, option: str) -> None:
    """xen/arch/x86/cpu/vpmu.c parse_vpmu_params(): bts, ipc and arch mean on as well."""
    on = bool(reader.values.get("vpmu", False))
    parts = False
    for item in value.split(","):
        wish = parse_bool(item)
        if wish is not None:
            on, parts = wish, parts and wish
        elif item in ("bts", "ipc", "arch"):
            parts = True
        elif parse_boolean("rtm-abort", item) is None:
            reader.bad(option, f'"{item}" is none of a boolean, bts, ipc, arch')
    reader.values["vpmu"] = on or parts


def _watchdog(reader: Reader, value: str, option: str) -> None:
    """xen/arch/x86/nmi.c parse_watchdog(): it takes the counters away from vpmu."""
    wish = parse_bool(value) if value else True
    if wish is None and value != "force":
        reader.bad(option, f'"{value}" is neither true, false nor "force"')
    else:
        reader.values["watchdog"] = wish is not False


def _maxcpus(reader: Reader, value: str, option: str) -> None:
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", value):
        reader.values["maxcpus"] = int(value, 16)
    elif re.fullmatch(r"0[0-7]*", value):
        reader.values["maxcpus"] = int(value, 8)
    elif re.fullmatch(r"[0-9]+", value):
        reader.values["maxcpus"] = int(value)
    else:
        reader.bad(option, f'"{value}" is no number')


def _nolapic(reader: Reader, _value: str, _option: str) -> None:
    reader.values.update(nolapic=True, lapic=False)


def _lapic(reader: Reader, _value: str, _option: str) -> None:
    reader.values["lapic"] = True


def _cpuid(reader: Reader, value: str, option: str) -> None:
    names = reader.release.cmdline_names
    sorted_names = [name.encode() for name in names]
    numbers = list(names.values())
    for item in value.split(","):
        if reader.in_release("xs8 xs8.2"):
            wish = parse_boolean("avx512", item)
            if isinstance(wish, bool):
                reader.values["avx512"] = wish
                continue
        index = find_name(sorted_names, item)
        if index is None:
            _cpuid_unknown(reader, item, option)
            continue
        name = sorted_names[index].decode()
        wish = parse_boolean(name, item)
        if not isinstance(wish, bool):
            reader.bad(option, f'item "{item}" is none of {name}, no-{name}, {name}=BOOL')
            continue
        number = numbers[index]
        if number is not None:
            reader.cpuid.append(CpuidItem(number, wish, item))
        elif name == "avx512":
            reader.values["avx512"] = wish


def _cpuid_unknown(reader: Reader, item: str, option: str) -> None:
    name = item.removeprefix("no-").partition("=")[0]
    if name in reader.release.cmdline_names:
        reader.bad(
            option,
            f'Xen\'s search does not find "{name}" in the item "{item}"; '
            f'"{name}" and "no-{name}" are found',
        )
    else:
        reader.ignored(option, f'{reader.release.title} has no feature "{name}"')


# Options of the form NAME[=BOOL]: (where the value is kept, the releases that have it).
_FLAGS: Final = {
    "xsave": ("xsave", "all"),
    "pku": ("pku", "4.13-4.17 xs8 xs8.2 xsr"),
    "hap": ("hap", "all"),
    "smt": ("smt", "all"),
    "nosmp": ("nosmp", "all"),
}
# Options with a parser of their own.
_CUSTOM: Final[dict[str, Callable[[Reader, str, str], None]]] = {
    "cpuid": _cpuid,
    "tsx": _tsx,
    "spec-ctrl": read_spec_ctrl,
    "smep": _smxp("smep"),
    "smap": _smxp("smap"),
    "psr": _psr,
    "lapic": _lapic,
    "nolapic": _nolapic,
    "vpmu": _vpmu,
    "watchdog": _watchdog,
}


@lru_cache(maxsize=256)
def _read(text: str, release_name: str) -> BootOptions:
    reader = Reader(release(release_name))
    own, separator, _ = text.partition(" -- ")
    if separator:
        reader.notes.append('command line: what follows " -- " is for dom0')
    for option in own.split(" "):
        if option:
            _option(reader, option)
    reader.values["smt"] = int(reader.values.get("smt", -1))
    reader.values["gds_mit"] = int(reader.values.get("gds_mit", -1))
    return BootOptions(
        cpuid=tuple(reader.cpuid),
        notes=tuple(reader.notes),
        malformed=tuple(reader.malformed),
        **reader.values,
    )


def _option(reader: Reader, option: str) -> None:
    if len(option) > MAX_OPTION:
        reader.notes.append(
            f'command line option "{option[:20]}…" has {len(option)} characters: '
            f"Xen reads the first {MAX_OPTION}"
        )
        option = option[:MAX_OPTION]
    key, equals, value = option.partition("=")
    negative = key.startswith("no-")
    name = key[3:] if negative else key
    if name in _FLAGS and reader.in_release(_FLAGS[name][1]):
        reader.flag(_FLAGS[name][0], negative, value, option)
    elif name in _CUSTOM:
        if negative and value:
            reader.bad(option, f'"no-{name}" takes no value')
        else:
            _CUSTOM[name](reader, "no" if negative else value, option)
    elif name == "maxcpus" and equals:
        _maxcpus(reader, value, option)
    elif name.startswith("cpuid_mask_") and reader.in_release("4.13-4.21 xs8 xs8.2 xsr"):
        reader.ignored(option, "CPUID masking, which old CPUs have, is not modelled")
    else:
        reader.ignored(option, "no option known here that changes featuresets")


def parse_cmdline(text: str, xen: Release, *, strict: bool = False) -> BootOptions:
    """The options in a Xen command line, for one release.

    `strict`: raise CommandLineError, which names the item, where Xen would complain about one and
    go on without it. Characters that no command line can hold are an error in either case.
    """
    for character in text:
        if not character.isprintable():
            raise CommandLineError(f"command line: {character!r} cannot stand in it")
    options = _read(text, xen.name)
    if strict and options.malformed:
        raise CommandLineError(options.malformed[0])
    return options
