"""libvirt's <cpu> element for its Xen driver, which hands each name to libxl of the host.

`xenTranslateCPUFeature()` in libvirt's src/libxl/xen_xl.c has the names that are libvirt's own; any
other goes to libxl_cpuid_parse_config() as it is (libxlMakeDomBuildInfo() in libxl_conf.c), and a
name that libxl does not take ends the start of the guest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from xml.sax.saxutils import quoteattr

from ...features.release import Release
from ...guests.libxl_names import early_name_of, names
from .difference import Difference, EmitError, written

# libvirt's name, libxl's.
TRANSLATED = {
    "cx16": "cmpxchg16",
    "cid": "cntxid",
    "ds_cpl": "dscpl",
    "pclmuldq": "pclmulqdq",
    "pni": "sse3",
    "ht": "htt",
    "pn": "psn",
    "clflush": "clfsh",
    "sep": "sysenter",
    "cx8": "cmpxchg8",
    "nodeid_msr": "nodeid",
    "cr8legacy": "altmovcr8",
    "lahf_lm": "lahfsahf",
    "cmp_legacy": "cmplegacy",
    "fxsr_opt": "ffxsr",
    "pdpe1gb": "page1gb",
    "spec-ctrl": "ibrsb",
}
_LIBVIRTS = {libxls: libvirts for libvirts, libxls in TRANSLATED.items()}
# Of names that mean the same to libxl, those that libvirt has a name for, or has itself.
_PREFERRED = (*_LIBVIRTS, "sse4.1", "sse4.2")


def libvirt(difference: Difference, implied: Collection[int] = ()) -> str:
    """The <cpu> element of a domain, without what is `implied`; what libxl of the release has no
    name for is a comment in it.

    Raises EmitError for bits that Xen has no name for, and for a release whose names are not known.
    """
    xen = difference.release
    if not names(xen):
        raise EmitError(f"which names libxl of {xen.title} takes is not known here, from 4.13 on")
    for number in difference.values:
        if xen.feature(number) is None:
            raise EmitError(f"libvirt has no name for bit {xen.label(number)}")
    values = {n: on for n, on in difference.values.items() if n not in implied}
    named = dict(_named(xen, written(difference, values)))
    nameless = [xen.label(n) for n in values if n not in named]
    lines = ["<cpu mode='host-passthrough'>\n"]
    if nameless:
        lines.append(comment(f"libxl of {xen.title} has no name for {' '.join(nameless)}"))
    for number, name in named.items():
        policy = "force" if number in difference.level else "disable"
        lines.append(f"  <feature policy='{policy}' name={quoteattr(name)}/>\n")
    return "".join(lines) + "</cpu>\n"


def _named(xen: Release, values: Mapping[int, bool]) -> Iterator[tuple[int, str]]:
    for number in values:
        name = name_for(xen, number)
        if name is not None:
            yield number, name


def name_for(xen: Release, number: int) -> str | None:
    """libvirt's name for a feature, by which libxl of that release sets its bit; None where there
    is none.
    """
    libxls = early_name_of(xen, number, _PREFERRED)
    if libxls is None:
        return None
    return _LIBVIRTS.get(libxls, libxls if libxls not in TRANSLATED else None)


def comment(text: str) -> str:
    """A line of the element that says something to people."""
    return f"  <!-- {text.replace('--', '- -')} -->\n"
