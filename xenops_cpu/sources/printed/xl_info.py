"""What `xl info` prints: Xen's version and capabilities, the CPU's, how many CPUs there are.

Facts: xen/tools/xl/xl_info.c, 4.7 to 4.22.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...features.featureset import Featureset
from ...hosts.host import Topology
from ...hosts.parts import Parts

_HW_CAPS = re.compile(r"[0-9a-f]{8}(?::[0-9a-f]{8}){0,7}")


def recognises(text: str) -> bool:
    return any(line.startswith(("xen_version ", "xen_caps ")) for line in text.splitlines()[:200])


def parse(text: str) -> Parts:
    """What is missing is not told; nothing is refused."""
    lines = _lines(text)
    caps = lines.get("virt_caps", "").split()
    return Parts(
        name=lines.get("host", ""),
        version=lines.get("xen_version", ""),
        capabilities=lines.get("xen_caps", ""),
        commandline=lines.get("xen_commandline", ""),
        topology=_topology(lines),
        hvm="hvm" in caps if caps else None,
        iommu=any(cap in caps for cap in ("hvm_directio", "pv_directio")) if caps else None,
    )


def hw_caps(text: str) -> Featureset | None:
    """The words of `hw_caps`, None where there are none of this form.

    They are the first eight of the words in which Xen keeps what it uses of the CPU
    (xen/arch/x86/sysctl.c arch_do_physinfo(): boot_cpu_data.x86_capability), in the order of a
    featureset from 4.7 on; Xen before 4.7 had another order.
    """
    words = _lines(text).get("hw_caps", "")
    return Featureset.parse(words) if _HW_CAPS.fullmatch(words) else None


def _lines(text: str) -> dict[str, str]:
    """By key; of several with the same, the first."""
    lines: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            lines.setdefault(key.strip(), value.strip())
    return lines


def _topology(lines: Mapping[str, str]) -> Topology | None:
    counts = {
        key: int(lines[key]) if lines.get(key, "").isdecimal() and len(lines[key]) < 8 else 0
        for key in ("nr_cpus", "nr_nodes", "cores_per_socket", "threads_per_core")
    }
    if not counts["nr_cpus"]:
        return None
    of_a_socket = counts["cores_per_socket"] * counts["threads_per_core"]
    return Topology(
        cpu_count=counts["nr_cpus"],
        socket_count=max(1, counts["nr_cpus"] // of_a_socket) if of_a_socket else 1,
        threads_per_core=counts["threads_per_core"],
        nr_nodes=counts["nr_nodes"],
    )
