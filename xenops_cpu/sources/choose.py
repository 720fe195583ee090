"""The source that a person names."""

from __future__ import annotations

from pathlib import Path

from . import Source, SourceError
from .recorded import Example, Recorded

KINDS = "xen, simulated, recorded:FILE or example:NAME"


def source(text: str | None, boot_cpuinfo: Path | None = None) -> Source:
    """The source that `text` names: xen, simulated, recorded:FILE, example:NAME.

    None means xen on a Xen host and simulated elsewhere. Raises ValueError for a text that names no
    source, SourceError for one that cannot be had here.
    """
    kind, _, rest = (text or "").partition(":")
    match kind:
        case "recorded" if rest:
            found: Source = Recorded(Path(rest))
            found.read()  # a wrong path is better known at the start than at the first call
            return found
        case "example" if rest:
            found = Example(rest)
            found.read()
            return found
        case "xen" if not rest:
            from .xen import XenSource

            return XenSource(boot_cpuinfo)
        case "simulated" if not rest:
            return _simulated(boot_cpuinfo)
        case "":
            return _default(boot_cpuinfo)
    raise ValueError(f'"{text}" is not a source; there are {KINDS}')


def _default(boot_cpuinfo: Path | None) -> Source:
    from . import xen

    if xen.on_a_xen_host():
        return xen.XenSource(boot_cpuinfo)
    return _simulated(boot_cpuinfo)


def _simulated(boot_cpuinfo: Path | None) -> Source:
    from .simulated import Simulated

    return Simulated(boot_cpuinfo=boot_cpuinfo)


__all__ = ["KINDS", "Source", "SourceError", "source"]
