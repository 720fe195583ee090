"""The source that a person names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import InputError
from . import KINDS, Source, SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from .simulated import Simulated


def source(
    text: str | None, boot_cpuinfo: Path | None = None, release: str | None = None
) -> Source:
    """The source that `text` names, one of KINDS; it has been read once where a name may be wrong.

    None means on a Xen host xen, or xen-cpuid where the binding to libxenctrl cannot be loaded, and
    simulated elsewhere. `release`: what this machine's CPU and cpu:NAME are simulated under where
    they name none. Raises InputError for a text that names no source, SourceError for one that
    cannot be had here.
    """
    if not text:
        return _usual(boot_cpuinfo, release)
    kind, colon, value = text.partition(":")
    if colon and value and kind in _NAMED:
        return _NAMED[kind](value, release)
    if text == "xen":
        from .xen import XenSource

        return XenSource(boot_cpuinfo)
    if text == "xen-cpuid":
        from .xen_cpuid import XenCpuid

        return XenCpuid(boot_cpuinfo)
    if text == "simulated":
        return _simulated(boot_cpuinfo, release)
    raise InputError(f'"{text}" is not a source; there are {KINDS}')


def reads_this_machine(source: Source) -> bool:
    """Whether the host that it reads is the machine that this runs on."""
    return source.name in ("xen", "xen-cpuid") or getattr(source, "subject", source) is None


def _usual(boot_cpuinfo: Path | None, release: str | None) -> Source:
    from . import libxc

    if not libxc.is_dom0():
        return _simulated(boot_cpuinfo, release)
    missing = libxc.missing()
    if missing is not None:
        from .xen_cpuid import XenCpuid

        return XenCpuid(boot_cpuinfo, because=missing.message)
    from .xen import XenSource

    return XenSource(boot_cpuinfo)


def _example(name: str, _: str | None) -> Source:
    from .recorded import Example

    example = Example(name)
    example.read()  # a wrong name is better known at the start than at the first call
    return example


def _recorded(path: str, _: str | None) -> Source:
    from .recorded import Recorded

    recorded = Recorded(path)
    recorded.read()
    return recorded


def _simulated(boot_cpuinfo: Path | None, release: str | None) -> Simulated:
    from .simulated import DEFAULT_RELEASE, Simulated, derived_release

    xen = derived_release(release or DEFAULT_RELEASE)
    return Simulated(xen=xen, boot_cpuinfo=boot_cpuinfo, spelling=release or "")


def _shipped(text: str, release: str | None) -> Source:
    """NAME[+MICROCODE][@RELEASE]"""
    from ..cpus import shipped
    from .simulated import of_dump

    name, at, named = text.rpartition("@")
    try:
        instance = shipped.find(name if at else text)
    except shipped.UnknownCpu as error:
        raise SourceError(str(error)) from error
    return of_dump(instance.cpu, instance.notes, instance.params, named if at else release)


_NAMED: dict[str, Callable[[str, str | None], Source]] = {
    "example": _example,
    "recorded": _recorded,
    "cpu": _shipped,
}


__all__ = ["Source", "SourceError", "source"]
