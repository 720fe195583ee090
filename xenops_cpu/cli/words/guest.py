"""What a guest reads: CPUID on one of its vCPUs, and registers, in words and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...cpuid import fields
from ...cpuid.identity import REGISTERS
from ...cpuid.policy import NO_SUBLEAF
from ...guests import instruction, msrs
from ...guests.domain import Domain
from ...guests.vcpu import Answer, Surroundings, Vcpu
from .. import terminal
from ..terminal import print_json
from .vm import title


def guest(domain: Domain, vcpu: Vcpu, around: Surroundings, count: int, *, as_json: bool) -> None:
    """What CPUID returns to the guest, and which registers it may read."""
    answers = list(instruction.everything(domain, vcpu, around))
    readings = list(msrs.registers(domain))
    if as_json:
        print_json(_guest_json(domain, vcpu, answers, readings, count))
        return
    terminal.heading(f"{title(domain)}: what CPUID returns on vCPU {vcpu.number}")
    for (leaf, subleaf), answer in answers:
        place = f"{leaf:08x}:{subleaf:08x}"
        about = fields.title(leaf)
        terminal.line(f"  {place} -> {_registers(answer)}" + (f"  {about}" if about else ""))
    if any(None in answer for _, answer in answers):
        terminal.paragraph("????????: it depends on what nobody knows before the guest runs", 2)
    if count > 1 and domain.kind == "hvm":
        ids = " ".join(str(2 * number) for number in range(min(count, 32)))
        terminal.paragraph(f"APIC ids of its vCPUs: {ids}{' ...' if count > 32 else ''}", 2, 2)
    if instruction.bare(domain):
        terminal.paragraph(
            "note: a plain CPUID of this PV guest is not caught on this CPU: it shows the CPU "
            "itself. What is above is for kernels that use Xen's prefix, as Linux does", 0, 6,
        )  # fmt: skip
    terminal.line("")
    terminal.heading("registers that follow from the policy")
    terminal.table(("MSR", "name", "reads", "when it can be read"), (_row(r) for r in readings), 2)


def _registers(answer: Answer) -> str:
    return ":".join("????????" if value is None else f"{value:08x}" for value in answer)


def _row(reading: msrs.Reading) -> tuple[str, str, str, str]:
    first, last = reading.msr.index
    index = f"{first:x}" if first == last else f"{first:x}-{last:x}"
    reads = "#GP"
    if reading.readable:
        reads = "yes" if reading.value is None else f"{reading.value:x}"
    return index, reading.msr.name, reads, reading.msr.when


def _guest_json(
    domain: Domain, vcpu: Vcpu, answers: Any, readings: Sequence[msrs.Reading], count: int
) -> dict[str, Any]:
    return {
        "release": domain.hypervisor.release.name,
        "type": domain.config.type,
        "vcpu": vcpu.number,
        "apic_ids": [2 * n for n in range(count)] if domain.kind == "hvm" else None,
        "cpuid": [
            {
                "leaf": f"{leaf:08x}",
                "subleaf": None if subleaf == NO_SUBLEAF else subleaf,
                **{
                    name: None if value is None else f"{value:08x}"
                    for name, value in zip(REGISTERS, answer, strict=True)
                },
            }
            for (leaf, subleaf), answer in answers
        ],
        "plain_cpuid_shows_the_cpu": instruction.bare(domain),
        "msrs": [
            {
                "first": f"{reading.msr.index[0]:08x}",
                "last": f"{reading.msr.index[1]:08x}",
                "name": reading.msr.name,
                "readable": reading.readable,
                "value": None if reading.value is None else f"{reading.value:016x}",
            }
            for reading in readings
        ],
    }
