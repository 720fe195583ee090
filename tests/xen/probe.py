"""Run in the test's dom0: what the source reads, and what a read costs.

probe.py capture            the capture, on stdout
probe.py printed            the same of the source xen-cpuid
probe.py measure COUNT      JSON: seconds and growth over COUNT reads
probe.py domains            JSON: each domain's policy as text, by its id
"""

import json
import os
import sys
import time
from pathlib import Path

from xenops_cpu.hosts import capture
from xenops_cpu.sources import domain
from xenops_cpu.sources.xen import XenSource
from xenops_cpu.sources.xen_cpuid import XenCpuid


def resident_kib() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def measure(count: int) -> dict[str, int]:
    source = XenSource()
    # What Python and libxc allocate once: the last of Python's arenas comes between the 500th and
    # the 1,500th read, and nothing in the 2,500 after it.
    for _ in range(2000):
        source.read()
    before = resident_kib(), len(os.listdir("/proc/self/fd")), Path("/proc/self/maps").read_text()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        source.read()
        times.append(time.perf_counter() - start)
    times.sort()
    after = resident_kib(), len(os.listdir("/proc/self/fd")), Path("/proc/self/maps").read_text()
    return {
        "reads": count,
        "median_us": round(times[count // 2] * 1e6),
        "p99_us": round(times[count * 99 // 100] * 1e6),
        "growth_kib": after[0] - before[0],
        "growth_fds": after[1] - before[1],
        "growth_maps": after[2].count("\n") - before[2].count("\n"),
    }


if sys.argv[1] == "capture":
    sys.stdout.write(capture.dump(XenSource().read()))
elif sys.argv[1] == "domains":
    found = domain.read()
    json.dump({one.info.domid: [one.kind, one.policy.text()] for one in found}, sys.stdout)
elif sys.argv[1] == "printed":
    sys.stdout.write(capture.dump(XenCpuid().read()))
else:
    json.dump(measure(int(sys.argv[2])), sys.stdout)
