"""The source that a person names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from . import KINDS, Source, SourceError
from .recorded import Example, Recorded

if TYPE_CHECKING:
    from .simulated import Simulated


def source(
    text: str | None, boot_cpuinfo: Path | None = None, release: str | None = None
) -> Source:
    """The source that `text` names, one of KINDS; it has been read once where a name may be wrong.

    None means xen on a Xen host and simulated elsewhere. `release`: what this machine's CPU and
    cpu:NAME are simulated under where they name none. Raises InputError for a text that names no
    source, SourceError for one that cannot be had here.
    """
    name = text or _usual()
    kind, colon, rest = name.partition(":")
    if colon and rest and kind in _NAMED:
        return _NAMED[kind](rest, release)
    if name == "xen":
        from .xen import XenSource

        return XenSource(boot_cpuinfo)
    if name == "simulated":
        return _simulated(boot_cpuinfo, release)
    raise InputError(f'"{name}" is not a source; there are {KINDS}')


def reads_this_machine(source: Source) -> bool:
    """Whether the host that it reads is the machine that this runs on."""
    return source.name == "xen" or getattr(source, "subject", source) is None


def _usual() -> str:
    from . import xen

    return "xen" if xen.on_a_xen_host() else "simulated"


def _example(rest: str, _: str | None) -> Source:
    example = Example(rest)
    example.read()  # a wrong name is better known at the start than at the first call
    return example


def _recorded(rest: str, _: str | None) -> Source:
    recorded = Recorded(Path(rest))
    recorded.read()
    return recorded


def _simulated(boot_cpuinfo: Path | None, release: str | None) -> Simulated:
    from .simulated import DEFAULT_RELEASE, Simulated, derived_release

    xen = derived_release(release or DEFAULT_RELEASE)
    return Simulated(xen=xen, boot_cpuinfo=boot_cpuinfo, asked=release or "")


def _shipped(rest: str, release: str | None) -> Source:
    """NAME[+MICROCODE][@RELEASE]"""
    from ..cpus import shipped
    from .simulated import of_dump

    name, at, named = rest.rpartition("@")
    try:
        instance = shipped.find(name if at else rest)
    except shipped.UnknownCpu as error:
        raise SourceError(str(error)) from error
    return of_dump(instance.cpu, instance.notes, instance.params, named if at else release)


_NAMED: dict[str, Callable[[str, str | None], Source]] = {
    "example": _example,
    "recorded": _recorded,
    "cpu": _shipped,
}


__all__ = ["Source", "SourceError", "source"]
