"""What `xl info` prints: Xen's version and capabilities, and how many CPUs there are.

Facts: xen/tools/xl/xl_info.c, 4.7 to 4.22.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...hosts.host import Topology
from ...hosts.parts import Parts


def recognises(text: str) -> bool:
    return any(line.startswith(("xen_version ", "xen_caps ")) for line in text.splitlines()[:200])


def parse(text: str) -> Parts:
    """What is missing is not told; nothing is refused."""
    lines: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            lines.setdefault(key.strip(), value.strip())
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
