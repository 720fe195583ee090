"""Guests that ran: what their CPUID instructions and their reads of registers gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from xenops_cpu.cpuid.slots import STATE
from xenops_cpu.guests.domain import Domain
from xenops_cpu.guests.instruction import cpuid
from xenops_cpu.guests.vcpu import Answer, Surroundings, Vcpu

from .score import Score

# Tags of states (hexadecimal in the data): a PV guest's plain CPUID, the second vCPU.
_PLAIN, _SECOND_VCPU = 0x32, 0x30
_APIC_ENABLED = 1 << 11


def count(record: Mapping[str, Any], domain: Domain, score: Score) -> None:
    """Every line of a guest, but for what the data cannot tell.

    Left out are plain CPUID instructions of PV guests, which show QEMU's CPU, and in HVM guests EBX
    of leaf dh: QEMU does not catch their XSETBV, so that XCR0 is not what Xen thinks.
    """
    around = Surroundings(viridian=int(record.get("viridian", 0)))
    for text, vcpu, plain in lines(record):
        tag, _, values = text.partition(":")
        leaf, subleaf, *want = (int(value, 16) for value in values.split())
        if plain:
            score.left_out += 1
            continue
        answer = cpuid(domain, leaf, subleaf, vcpu, around)
        if domain.kind == "hvm" and leaf == STATE and subleaf in (0, 1):
            answer = (answer[0], None, answer[2], answer[3])
        where = f"{record['boot']} {record['kind']} {record['name']} {tag}: {leaf:x} {subleaf:x}"
        score.count(where, _differences(answer, want))


def _differences(answer: Answer, want: list[int]) -> list[str]:
    """What is not known beforehand (None: TSC, domain id, width of the host's memory) may be
    anything.
    """
    if all(ours is None or ours == theirs for ours, theirs in zip(answer, want, strict=True)):
        return []
    ours = " ".join("?" if value is None else f"{value:x}" for value in answer)
    return [f"{ours}, should be {' '.join(f'{value:x}' for value in want)}"]


def lines(record: Mapping[str, Any]) -> Iterator[tuple[str, Vcpu, bool]]:
    """Each line with the vCPU that gave it, and whether it is a PV guest's plain CPUID."""
    run = record["run"]
    pv = record["kind"].startswith("pv") and not record["kind"].startswith("pvh")
    states = dict(_states(run["state"]))
    vcpu = Vcpu(long_mode=pv, pae=pv)
    last = -1
    keys: set[tuple[str, ...]] = set()
    for line in run["cpuid"]:
        tag = int(line.partition(":")[0], 16)
        if tag != last:
            vcpu, last, keys = _in_state(vcpu, tag, states.get(tag)), tag, set()
        key = tuple(line.split()[1:3])
        # With a state's second line for leaf 1 a PV guest asks without the prefix.
        yield line, vcpu, pv and (tag == _PLAIN or (tag == 1 and key in keys))
        keys.add(key)


def _states(lines: list[str]) -> Iterator[tuple[int, tuple[str, int, bool]]]:
    for line in lines:
        tag, _, values = line.partition(":")
        register, value, outcome = values.split()
        yield int(tag, 16), (register, int(value, 16), outcome == "ok")


def _in_state(vcpu: Vcpu, tag: int, state: tuple[str, int, bool] | None) -> Vcpu:
    if tag == _SECOND_VCPU:
        return evolve(vcpu, number=1)
    match state:
        case ("4", value, _):
            return evolve(vcpu, cr4=value)
        case ("100", value, True):
            return evolve(vcpu, xcr0=value)
        case ("1b", value, True):
            return evolve(vcpu, apic=bool(value & _APIC_ENABLED))
        case _:
            return vcpu
