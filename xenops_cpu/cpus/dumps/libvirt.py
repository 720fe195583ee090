"""libvirt's CPU data (tests/cputestdata, made by its cpu-gather.py).

    <cpudata arch='x86'>
      <cpuid eax_in='0x00000007' ecx_in='0x00' eax='0x00000002' ebx='0x239cb7ef' ecx=... edx=.../>
      <msr index='0x10a' edx='0x00000000' eax='0x2da1fd6b'/>
    </cpudata>

Registers may come from KVM instead of the CPU, which adds bits of its own to some (to MSR 10ah
SKIP_L1DFL and bit 6, for instance); the microcode revision is not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...cpuid.identity import LeafKey, Registers
from ...limits import input_limits
from .dump import Dump, DumpError, finish

FORMAT = "libvirt"

_HEX = re.compile(r"0x[0-9a-fA-F]{1,8}")


def recognises(text: str) -> bool:
    return re.search(r"<cpudata\b", text) is not None


def parse(text: str, name: str) -> list[Dump]:
    """One dump. Raises DumpError."""
    import xml.etree.ElementTree as ElementTree

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if text.count("<") + text.count("=") > input_limits.XML_MARKS:
        raise DumpError(f"{name}: XML of more than {input_limits.XML_MARKS:,} tags and attributes")
    try:
        data = fromstring(text)
    except (ElementTree.ParseError, DefusedXmlException) as error:
        raise DumpError(f"{name}: not XML that can be read: {error}") from None
    if data.tag != "cpudata" or data.get("arch") != "x86":
        raise DumpError(f"{name}: an element cpudata with arch='x86' was expected")
    leaves: dict[LeafKey, Registers] = {}
    for element in data.iter("cpuid"):
        leaf, subleaf, eax, ebx, ecx, edx = (
            _number(element.attrib, key, name)
            for key in ("eax_in", "ecx_in", "eax", "ebx", "ecx", "edx")
        )
        leaves.setdefault((leaf, subleaf), (eax, ebx, ecx, edx))
    msrs = {
        _number(element.attrib, "index", name): _number(element.attrib, "edx", name) << 32
        | _number(element.attrib, "eax", name)
        for element in data.iter("msr")
    }
    if not leaves:
        raise DumpError(f"{name}: no element cpuid is in it")
    return [finish(name, FORMAT, [leaves], msrs)]


def _number(attributes: Mapping[str, str], key: str, name: str) -> int:
    text = attributes.get(key, "0x0" if key == "ecx_in" else "")
    if not _HEX.fullmatch(text):
        raise DumpError(f'{name}: {key}="{text}" is not 0x and 1 to 8 hex digits')
    return int(text, 16)
