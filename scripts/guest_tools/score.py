"""How many predictions are equal, and the first that are not."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field

from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy


@define
class Score:
    """`subject`: what is compared. `mismatches`: the first `shown`, a line each."""

    subject: str
    shown: int = 10
    equal: int = 0
    total: int = 0
    left_out: int = 0
    mismatches: list[str] = field(factory=list)

    def count(self, where: str, differences: list[str]) -> None:
        """One comparison; no differences means equal."""
        self.total += 1
        if not differences:
            self.equal += 1
        elif len(self.mismatches) < self.shown:
            self.mismatches.append(f"{where}: {'; '.join(differences[:4])}")

    @property
    def good(self) -> bool:
        return self.equal == self.total

    def lines(self) -> Iterator[str]:
        left_out = f" ({self.left_out} left out: see --help)" if self.left_out else ""
        yield f"{self.subject}: {self.equal} of {self.total} equal{left_out}"
        for mismatch in self.mismatches:
            yield f"  {mismatch}"


def differences(want: Policy, answer: Policy) -> list[str]:
    """Leaf by leaf and register by register; order and empty leaves count as well."""
    faults = []
    for key in sorted({*want.leaves, *answer.leaves}):
        a, b = want.leaves.get(key), answer.leaves.get(key)
        if a != b:
            faults.append(f"{_key(key)} is {_registers(b)}, should be {_registers(a)}")
    for index in sorted({*want.msrs, *answer.msrs}):
        x, y = want.msrs.get(index), answer.msrs.get(index)
        if x != y:
            faults.append(f"MSR {index:x} is {_value(y)}, should be {_value(x)}")
    if not faults and list(want.leaves) != list(answer.leaves):
        faults.append("the order of leaves")
    return faults


def _key(key: tuple[int, int]) -> str:
    return f"{key[0]:x}" if key[1] == NO_SUBLEAF else f"{key[0]:x}:{key[1]:x}"


def _registers(registers: tuple[int, ...] | None) -> str:
    return "not there" if registers is None else " ".join(f"{value:x}" for value in registers)


def _value(value: int | None) -> str:
    return "not there" if value is None else f"{value:x}"
