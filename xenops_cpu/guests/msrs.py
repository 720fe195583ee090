"""Which model-specific registers a guest may read, as far as that follows from its policy.

guest_rdmsr(), xen/arch/x86/msr.c, 4.17 to master. Registers that are not here belong to code for
each guest type; what no code knows raises #GP, or reads 0 with msr_relaxed= in the domain's
configuration (4.15 on).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import frozen

from ..cpuid.fields import ARCH_CAPS, PLATFORM_INFO
from ..cpuid.identity import AMD, CENTAUR, INTEL, REPEATING, SHANGHAI
from .domain import Domain
from .instruction import has

_LOCK, _VMX_OUTSIDE_SMX = 1 << 0, 1 << 2
_LFENCE_SERIALISES = 1 << 1


@frozen
class Msr:
    """`index`: first and last. `readable`: whether it can be read; `value`: what it reads, None
    where the policy does not say. `when`: in words.
    """

    index: tuple[int, int]
    name: str
    when: str
    readable: Callable[[Domain], bool]
    value: Callable[[Domain], int | None] = lambda _domain: None


@frozen
class Reading:
    """One register of one domain."""

    msr: Msr
    readable: bool
    value: int | None


def _always(_domain: Domain) -> bool:
    return True


def _never(_domain: Domain) -> bool:
    return False


def _zero(_domain: Domain) -> int:
    return 0


def _vendor(*vendors: str) -> Callable[[Domain], bool]:
    return lambda domain: domain.table.vendor in vendors


def _any(*names: str) -> Callable[[Domain], bool]:
    return lambda domain: any(has(domain, name) for name in names)


def _both_intel(domain: Domain) -> bool:
    return domain.table.vendor == INTEL and domain.hypervisor.intel


def _microcode(domain: Domain) -> bool:
    makers = (INTEL, AMD)
    return domain.table.vendor in makers and domain.hypervisor.vendor in makers


def _feature_control(domain: Domain) -> int:
    return _LOCK | (_VMX_OUTSIDE_SMX if has(domain, "VMX") else 0)


def _policy_value(index: int) -> Callable[[Domain], int]:
    return lambda domain: domain.table.msrs.get(index, 0)


def _pks(domain: Domain) -> bool:
    return domain.kind == "hvm" and has(domain, "PKS") and domain.hypervisor.in_release("4.18+ xs8")


_OLD_INTEL = "the policy's vendor is Intel, Centaur or Shanghai"
_AMD = "the policy's vendor is AMD or Hygon"

MSRS = (
    Msr((0x17, 0x17), "PLATFORM_ID", "policy and host are Intel's", _both_intel),
    Msr((0x33, 0x33), "TEST_CTRL", "never", _never),
    Msr((0x3A, 0x3A), "FEATURE_CONTROL", _OLD_INTEL, _vendor(INTEL, CENTAUR, SHANGHAI),
        _feature_control),
    Msr((0x48, 0x48), "SPEC_CTRL", "IBRSB or IBRS", _any("IBRSB", "IBRS")),
    Msr((0x49, 0x49), "PRED_CMD", "never: it can be written only", _never),
    Msr((0x4E, 0x4F), "PPIN", "never", _never),
    Msr((0x8B, 0x8B), "microcode revision", "policy and host are Intel's or AMD's", _microcode),
    Msr((PLATFORM_INFO, PLATFORM_INFO), "PLATFORM_INFO", "always", _always,
        _policy_value(PLATFORM_INFO)),
    Msr((0xCF, 0xCF), "CORE_CAPABILITIES", "never", _never),
    Msr((ARCH_CAPS, ARCH_CAPS), "ARCH_CAPS", "ARCH_CAPS", _any("ARCH_CAPS"),
        _policy_value(ARCH_CAPS)),
    Msr((0x10B, 0x10B), "FLUSH_CMD", "never: it can be written only", _never),
    Msr((0x10F, 0x10F), "TSX_FORCE_ABORT", "never", _never),
    Msr((0x122, 0x123), "TSX_CTRL, MCU_OPT_CTRL", "never", _never),
    Msr((0x140, 0x140), "MISC_FEATURES_ENABLES", "always", _always),
    Msr((0x198, 0x199), "PERF_STATUS, PERF_CTL", "the policy's vendor is Intel or Centaur",
        _vendor(INTEL, CENTAUR), _zero),
    Msr((0x19C, 0x19C), "THERM_STATUS", "the policy's vendor is Intel", _vendor(INTEL), _zero),
    Msr((0x560, 0x587), "processor trace", "never", _never),
    Msr((0x6A0, 0x6A8), "CET", "never", _never),
    Msr((0x6E1, 0x6E1), "PKRS", "HVM, PKS (4.18 on)", _pks),
    Msr((0xD90, 0xD90), "BNDCFGS", "MPX", _any("MPX")),
    Msr((0xDA0, 0xDA0), "XSS", "XSAVES", _any("XSAVES"), _zero),
    Msr((0xC0000103, 0xC0000103), "TSC_AUX", "RDTSCP or RDPID", _any("RDTSCP", "RDPID")),
    Msr((0xC0000105, 0xC0000106), "LWP", "never", _never),
    Msr((0xC0010015, 0xC0010015), "HWCR", _AMD, _vendor(*REPEATING), _zero),
    Msr((0xC001011F, 0xC001011F), "VIRT_SPEC_CTRL", "VIRT_SSBD", _any("VIRT_SSBD")),
    Msr((0xC0011019, 0xC001101B), "DR1 to DR3 address masks", "DBEXT", _any("DBEXT")),
    Msr((0xC0011027, 0xC0011027), "DR0 address mask", "DBEXT", _any("DBEXT")),
    Msr((0xC0011029, 0xC0011029), "DE_CFG", _AMD, _vendor(*REPEATING),
        lambda _domain: _LFENCE_SERIALISES),
)  # fmt: skip


def registers(domain: Domain) -> Iterator[Reading]:
    """Each register of the list, in ascending order."""
    for msr in MSRS:
        readable = msr.readable(domain)
        yield Reading(msr, readable, msr.value(domain) if readable else None)
