"""What the service says of a booted Xen, against what Xen's own xen-cpuid prints there."""

from __future__ import annotations

import re

from attrs import frozen

from tests.xen.machine import BootError, Machine
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts import capture
from xenops_cpu.hosts.host import Featuresets, Host
from xenops_cpu.interface import CpuInfo

# xen-cpuid's titles, the same for sets and policies.
TITLES = {
    "raw": "Raw", "host": "Host", "pv_default": "PV Default", "hvm_default": "HVM Default",
    "pv_max": "PV Max", "hvm_max": "HVM Max",
}  # fmt: skip

_SET = re.compile(r"^(.*?) +((?:[0-9a-f]{8}:)*[0-9a-f]{8})$")
_TITLE = re.compile(r"^(.*) policy: \d+ leaves, \d+ MSRs$")
LEAF = re.compile(r"^  ([0-9a-f]{8}):([0-9a-f]{8}) -> ([0-9a-f]{8}(?::[0-9a-f]{8}){3})$")
MSR = re.compile(r"^  ([0-9a-f]{8}) -> ([0-9a-f]{16})$")


@frozen
class Observed:
    """One boot: what the source captured, what the service answered, what xen-cpuid printed."""

    host: Host
    cpu_info: CpuInfo
    sets: dict[str, Featureset]
    policies: dict[str, Policy]
    stderr: str
    capture: str


def observe(machine: Machine) -> Observed:
    """Ask everybody. Raises BootError."""
    captured = machine.run("python", "/probe.py", "capture")
    if captured.code:
        raise BootError(f"no capture: {captured.stderr[-1500:]}")
    return Observed(
        host=capture.load(captured.stdout),
        cpu_info=machine.service().host_get_cpu_info("compare"),
        sets=printed_sets(machine.run("/usr/bin/xen-cpuid").stdout),
        policies=printed_policies(machine.run("/usr/bin/xen-cpuid", "-p").stdout),
        stderr=captured.stderr,
        capture=captured.stdout,
    )


def printed_sets(text: str) -> dict[str, Featureset]:
    """The dynamic sets of `xen-cpuid info`, by our names."""
    _, _, dynamic = text.partition("Dynamic sets:")
    rows = {match[1]: match[2] for line in dynamic.splitlines() if (match := _SET.match(line))}
    return {name: Featureset.parse(rows[title]) for name, title in TITLES.items() if title in rows}


def printed_policies(text: str) -> dict[str, Policy]:
    """The policies of `xen-cpuid -p`, by our names; it leaves out leaves of zeros."""
    found: dict[str, tuple[dict[tuple[int, int], tuple[int, int, int, int]], dict[int, int]]] = {}
    names = {title: name for name, title in TITLES.items()}
    leaves, msrs = found.setdefault("", ({}, {}))
    for line in text.splitlines():
        if match := _TITLE.match(line):
            leaves, msrs = found.setdefault(names[match[1]], ({}, {}))
        elif match := LEAF.match(line):
            a, b, c, d = (int(value, 16) for value in match[3].split(":"))
            leaves[int(match[1], 16), int(match[2], 16)] = (a, b, c, d)
        elif match := MSR.match(line):
            msrs[int(match[1], 16)] = int(match[2], 16)
    del found[""]
    return {name: Policy(*parts) for name, parts in found.items()}


def differences(observed: Observed) -> list[str]:
    """One line for each set or policy that is not what xen-cpuid printed; empty if all agree."""
    release = observed.host.release
    lines = []
    for name in TITLES:
        ours: Featureset | None = getattr(observed.host.featuresets, name)
        theirs = observed.sets.get(name)
        if ours != theirs:
            bits = release.names((ours or Featureset()) ^ (theirs or Featureset()))
            lines.append(f"{name}: read {ours}, xen-cpuid printed {theirs}: {' '.join(bits)}")
        if observed.host.policies.get(name) != observed.policies.get(name):
            lines.append(f"policy {name}: not what xen-cpuid -p printed")
    lines += _answered(observed.cpu_info, observed.sets)
    return lines


def _answered(answer: CpuInfo, sets: dict[str, Featureset]) -> list[str]:
    """The service's record: boot is default, migration is default OR max."""
    expected = {
        "features": sets["host"],
        "features_pv_host": sets["pv_default"],
        "features_hvm_host": sets["hvm_default"],
        "features_pv": sets["pv_default"] | sets["pv_max"],
        "features_hvm": sets["hvm_default"] | sets["hvm_max"],
    }
    return [
        f"{name}: the service answered {getattr(answer, name)}, xen-cpuid's sets give {value}"
        for name, value in expected.items()
        if getattr(answer, name) != str(value)
    ]


def report(observed: Observed) -> list[str]:
    """The six sets for people, and by name what each differs in from the host's."""
    sets: Featuresets = observed.host.featuresets
    lines = []
    for name, title in TITLES.items():
        ours: Featureset | None = getattr(sets, name)
        same = "=" if ours == observed.sets.get(name) else "≠"
        lines.append(f"{title:<12} {same} xen-cpuid  {ours.text(':') if ours else ours or '-'}")
    for guest in ("pv", "hvm"):
        most: Featureset | None = getattr(sets, f"{guest}_max")
        beyond = (most or Featureset()) - getattr(sets, f"{guest}_default")
        lines.append(
            f"{guest.upper()} max − default: {' '.join(observed.host.release.names(beyond))}"
        )
    return lines
