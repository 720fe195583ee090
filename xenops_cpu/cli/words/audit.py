"""What an audit found, on the terminal and in JSON (docs/commands-pools.md)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from attrs import frozen

from ...pools.audit import Finding, VmFinding
from ...pools.vm import Vm
from ...pools.words import some
from ...service import answers
from .. import terminal

_STALE_HOST = (
    "for a host, restart the toolstack there (xe-toolstack-restart): xapi asks Xen anew then"
)
_STALE_POOL = "for the pool, restart the toolstack on its master: xapi levels the pool anew then"
_STRANDED = (
    "for a VM that no host takes in, shut it down and start it (xe vm-shutdown, xe vm-start): it "
    "then gets what is given there; one that is suspended loses what it has in memory"
)
_MOST_VMS = 4
_MANY_VMS = 4


@frozen
class Audited:
    """What was compared with what, and what came out. `compat_bits`: of VMs' records."""

    compared: tuple[str, ...]
    findings: tuple[Finding, ...]
    vms: tuple[VmFinding, ...]
    compat_bits: tuple[tuple[Vm, Mapping[str, str]], ...]


def document(audited: Audited) -> dict[str, object]:
    """VMs one by one."""
    return {
        "compared": list(audited.compared),
        "findings": [
            {"record": finding.record, **answers.as_json(answers.finding(finding))}
            for finding in audited.findings
        ],
        "vms": [{"vm": finding.vm.name, "text": finding.text} for finding in audited.vms],
        "compatibility_bits": [
            {"vm": vm.name, "features": bits} for vm, bits in audited.compat_bits
        ],
    }


def tell(audited: Audited, pools: Collection[str]) -> None:
    """Many VMs of which the same is to be said together. `pools`: which records are pools'."""
    for comparison in audited.compared:
        terminal.paragraph(f"compared: {comparison}", hanging=2)
    if not audited.findings and not audited.vms:
        terminal.line("every record is as it should be", "green")
    for finding in audited.findings:
        terminal.paragraph(str(finding), hanging=2, style="red")
    for text, who in _alike((wrong.text, wrong.vm) for wrong in audited.vms):
        terminal.paragraph(f"{who}: {text}", hanging=2, style="red")
    bits = ((text, vm) for vm, of_vm in audited.compat_bits for text in _bits(of_vm))
    for text, who in _alike(bits):
        terminal.paragraph(f"{who}: compatibility bits only, {text}", hanging=2)
    stale = {finding.record in pools for finding in audited.findings}
    to_do = [_STALE_POOL if of_pool else _STALE_HOST for of_pool in sorted(stale)]
    to_do += [_STRANDED] if any(wrong.stranded for wrong in audited.vms) else []
    for text in to_do:
        terminal.paragraph(f"to do: {text}", hanging=2)


def _alike(texts: Iterable[tuple[str, Vm]]) -> Iterator[tuple[str, str]]:
    """What is said, and of which VM; where it is the same of many, of all of them at once."""
    vms: dict[str, list[str]] = {}
    for text, vm in texts:
        vms.setdefault(text, []).append(vm.name)
    for text, names in vms.items():
        for who in [some(names, _MOST_VMS)] if len(names) >= _MANY_VMS else names:
            yield text, who


def _bits(bits: Mapping[str, str]) -> list[str]:
    """The bits of a record with where they come from, those from one place together."""
    alike: dict[str, list[str]] = {}
    for bit, reason in bits.items():
        alike.setdefault(reason, []).append(bit)
    return [f"{' '.join(names)}: {reason}" for reason, names in alike.items()]
