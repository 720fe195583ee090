"""The numbers of VMs' policies that no pool's level has: limits, address widths, sizes.

They are nobody's to level; xl can set some of them by a xend string.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen

from ..cpuid.fields import Field, fields_of
from ..cpuid.policy import NO_SUBLEAF, Policy
from ..features.featureset import WORD_BITS

# Leaf, subleaf, register, lowest bit; why no setting changes it.
_NUMBERS: tuple[tuple[int, int, str, int, str], ...] = (
    (0, NO_SUBLEAF, "eax", 0, ""),
    (7, 0, "eax", 0, ""),
    (0x80000000, NO_SUBLEAF, "eax", 0, ""),
    (0x80000008, NO_SUBLEAF, "eax", 0, ""),
    (0x80000008, NO_SUBLEAF, "eax", 8, "Xen gives 48 bits with LM, else 32"),
    (0xD, 0, "ecx", 0, "it follows from the features and from the host's CPU"),
    (1, NO_SUBLEAF, "ebx", 8, "Xen gives the host's, whatever is asked for"),
)


@frozen
class Number:
    """One number of the policies of several hosts. `leaf`, `subleaf`: where it stands, NO_SUBLEAF
    for none. `values`: by host, in their order; `least`: what every guest can count on; `show`
    makes them text. `xend`: xl's setting that gives a guest the least everywhere, "" where nothing
    does, and then `why_not`.
    """

    leaf: int
    subleaf: int
    title: str
    values: Mapping[str, int]
    least: int
    show: Callable[[int], str] = field(default=str, eq=False, repr=False)
    xend: str = ""
    why_not: str = ""

    @property
    def same(self) -> bool:
        return len(set(self.values.values())) <= 1


def numbers(policies: Mapping[str, Policy]) -> tuple[Number, ...]:
    """Of policies that guests of one type have, by host: limits, address widths, sizes.

    A guest that boots where a number is larger meets the smaller one when it moves: a limit above
    the other host's maximum is refused, anything else is changed without a word.
    """
    return tuple(_number(*number, policies) for number in _NUMBERS) if policies else ()


def _number(
    leaf: int, subleaf: int, register: str, low: int, why_not: str, policies: Mapping[str, Policy]
) -> Number:
    place = next(f for f in fields_of(leaf, subleaf) if (f.register, f.low) == (register, low))
    values = {name: place.value(policy.leaf(leaf, subleaf)) for name, policy in policies.items()}
    least = min(values.values())
    xend = "" if why_not else _xend(place, subleaf, least)
    return Number(leaf, subleaf, place.title, values, least, place.show, xend, why_not)


def _xend(field: Field, subleaf: int, value: int) -> str:
    """A string that sets this field alone; its other bits stay as the default policy has them."""
    digits = f"{value:0{field.width}b}"
    above = WORD_BITS - field.low - field.width
    where = f"{field.leaf:#x}" + ("" if subleaf == NO_SUBLEAF else f",{subleaf}")
    return f"{where}:{field.register}={'x' * above}{digits}{'x' * field.low}"
