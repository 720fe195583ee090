"""Firmware settings that decide what CPUID and registers show, whatever the microcode.

As usual means: as the dump has it, SMT as CPUID counts, SGX off, and a revision in firmware that is
new enough for every public update. `+` words of a CPU's name say otherwise: `smt-off`, `sgx`,
`no-ibrs`, `bios=0a0011d5`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from attrs import evolve, field, frozen

from ..errors import InputError

# AMD's settings, and the bits they show: word, bit (AMD APM volume 3, CPUID 80000008h EBX; FSRM is
# CPUID 7.0 EDX[4]). Dumps of one revision have them both ways.
VARYING: Final[Mapping[str, tuple[str, int]]] = {
    "ibrs": ("e8b", 1 << 14),
    "btc-no": ("e8b", 1 << 29),
    "fsrm": ("7d0", 1 << 4),
}
WORDS: Final = (
    "smt-off, smt-on, sgx, ibrs, no-ibrs, btc-no, no-btc-no, fsrm, no-fsrm, bios=REVISION"
)

_BASE = re.compile(r"bios=(?:0x)?([0-9a-f]{1,8})")


class FirmwareError(InputError):
    """A setting that is none, or that this CPU has not."""


@frozen
class Firmware:
    """`smt`: None as CPUID counts. `sgx`: switched on, which locks TSX off where microcode took it
    (MCU_OPT_CTRL.RTM_LOCKED) and GDS's mitigation on. `base`: the microcode revision that firmware
    loads, None for one new enough. `varying`: see VARYING.
    """

    smt: bool | None = None
    sgx: bool = False
    base: int | None = None
    varying: Mapping[str, bool] = field(factory=dict)

    def __str__(self) -> str:
        settings = [] if self.smt is None else ["SMT on" if self.smt else "SMT off"]
        settings += ["SGX on"] if self.sgx else []
        settings += [f"{name.upper()} {'on' if on else 'off'}" for name, on in self.varying.items()]
        settings += [] if self.base is None else [f"{self.base:08x} in firmware"]
        return ", ".join(settings)


USUAL: Final = Firmware()


def is_word(text: str) -> bool:
    """Whether a text is a setting."""
    try:
        parse([text])
    except FirmwareError:
        return False
    return True


def parse(words: Iterable[str]) -> Firmware:
    """Settings as words, the later over the earlier. Raises FirmwareError."""
    settings = USUAL
    for word in words:
        name = word.strip().lower()
        positive = name.removeprefix("no-")
        base = _BASE.fullmatch(name)
        if name in ("smt-off", "smt-on"):
            settings = evolve(settings, smt=name == "smt-on")
        elif name == "sgx":
            settings = evolve(settings, sgx=True)
        elif positive in VARYING:
            varying = {**settings.varying, positive: name == positive}
            settings = evolve(settings, varying=varying)
        elif base is not None:
            settings = evolve(settings, base=int(base[1], 16))
        else:
            raise FirmwareError(f'"{word}" is no firmware setting; there are {WORDS}')
    return settings
