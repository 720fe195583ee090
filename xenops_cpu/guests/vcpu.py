"""The state of a vCPU, and of its domain, that shows when its guest executes CPUID."""

from __future__ import annotations

from typing import Final

from attrs import field, frozen

CR4_OSXSAVE: Final = 1 << 18
CR4_PKE: Final = 1 << 22

# What CPUID gives in a register where it depends on what cannot be known beforehand.
UNKNOWN: Final = None
Answer = tuple[int | None, int | None, int | None, int | None]

NOTHING: Final[Answer] = (0, 0, 0, 0)


@frozen
class Vcpu:
    """`number`: vCPU 0 is the first. `cr4`, `xcr0`: as the guest has set them, xcr0 None before its
    first XSETBV. `apic`: MSR 1bh has it switched on. `long_mode`: the guest runs in 64-bit mode or
    has it active. `pae`: its paging has PAE. `forced`: a PV kernel asks through Xen's forced
    emulation prefix, as Linux does.
    """

    number: int = 0
    cr4: int = 0
    xcr0: int | None = None
    apic: bool = True
    long_mode: bool = True
    pae: bool = True
    forced: bool = True


@frozen
class Surroundings:
    """What Xen tells a guest in its own leaves; None for what is not known beforehand.

    `viridian`: HVM_PARAM_VIRIDIAN, 0 for none. `tsc_mode`, `vtsc`, `tsc_safe`, `tsc_khz`: the TSC's
    mode, whether it is emulated, whether the host's is safe, its frequency. `guest_os_id`: the
    guest has told viridian what it is.
    """

    viridian: int = 0
    domid: int | None = None
    tsc_mode: int = 0
    vtsc: bool | None = None
    tsc_safe: bool | None = None
    tsc_khz: int | None = None
    guest_os_id: int = field(default=0)
