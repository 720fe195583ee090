"""The working state of one derivation: the sets as they stand, and the record of every change.

Xen's own words are used. *Force*: a feature is remembered and set in the host set, unless it was
cleared. *Clear*: a feature is remembered, with all that depends on it, and taken from the host
set; clearing wins over forcing, before or after (setup_force_cpu_cap(), setup_clear_cpu_cap() in
xen/arch/x86/cpu/common.c, 4.13 to 4.22).
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

from attrs import define, field, frozen

from ..cpuid.cpu import Cpu
from ..cpuid.identity import AMD, HYGON, INTEL
from ..features.release import RELEASES, Release, release
from .cmdline import BootOptions
from .hardware import Hardware


class Change(NamedTuple):
    """What one step changed in one set.

    `set`: "cpuid" (what CPUID shows), "forced", "cleared", or a featureset's name. `root`: for
    "forced" and "cleared" the feature the step named; the rest of `added` depends on it. `detail`:
    what decided, in words, where the step's own reason is not enough.
    """

    step: str
    set: str
    added: int
    removed: int
    root: int | None = None
    detail: str = ""


@lru_cache(maxsize=1)
def all_feature_names() -> frozenset[str]:
    """Every name that any release has."""
    return frozenset(name for xen in RELEASES for name in release(xen).features)


class Bits(dict[str, int]):
    """Feature name -> its bit. A feature this release has no name for is 0, so that every step
    that sets it is void; a name that no release has is a mistake in a step (KeyError).
    """

    def __missing__(self, name: str) -> int:
        if name not in all_feature_names():
            raise KeyError(name)
        self[name] = 0
        return 0


@frozen
class Plan:
    """The tables of a release in the form that steps use: plain integers."""

    release: Release
    bit: Bits
    number: dict[int, int]
    dependents: dict[int, int]
    masks: dict[str, int]
    deep: int
    words: dict[str, int]

    def word(self, name: str) -> int:
        """The mask of a word by xen-cpuid's abbreviation; 0 where the release lacks it."""
        return 0xFFFFFFFF << (self.words[name] * 32) if name in self.words else 0


@cache
def plan(name: str) -> Plan:
    """The plan of the release `name` (a canonical name)."""
    xen = release(name)
    bits = Bits({key: 1 << feature.number for key, feature in xen.features.items()})
    return Plan(
        release=xen,
        bit=bits,
        number={1 << f.number: f.number for f in xen.features.values()},
        dependents={1 << n: mask.bits for n, mask in xen.deep_deps.items()},
        masks={key: mask.bits for key, mask in xen.masks.items()},
        deep=xen.masks["deep_features"].bits,
        words={word.name: word.index for word in xen.words},
    )


@define(eq=False)
class State:
    """Sets are plain integers: feature n is bit n. `fs` is the guest set being made, `guest` its
    type ("pv", "hvm") and `base` the name of the set.
    """

    plan: Plan
    cpu: Cpu
    options: BootOptions
    hardware: Hardware
    silicon: int
    host_readable: int
    raw_readable: int

    # What CPUID shows now: `silicon` less what Xen's own register writes hide, and what they show.
    cpuid: int = 0
    hidden: int = 0
    shown: int = 0
    raw: int = 0
    host: int = 0
    fs: int = 0
    guest: str = ""
    forced: int = 0
    cleared: int = 0
    # From the boot of the first CPU on, force and clear act on the host set at once.
    booted: bool = False

    # TSX registers and decisions (tsx.py).
    opt_tsx: int = -1
    tsx_ctrl: int = 0
    force_abort: int = 0
    mcu_opt: int = 0
    raa_shown: bool = False  # RTM_ALWAYS_ABORT, as CPUID showed it at first
    raa_seen: bool = False  # ... or as Xen concludes from the registers
    tsx_mismatch: bool = False
    rtm_disabled: bool = False
    tsx_decision: str = "TSX stays as it is"  # what settled opt_tsx, in words
    # Whether Xen virtualises MSR_SPEC_CTRL and VIRT_SPEC_CTRL (speculation.py).
    sc_msr_pv: bool = False
    sc_msr_hvm: bool = False
    virt_ssbd: bool = False
    siblings: int = 1
    smt: bool = False
    hvm: bool = False
    hap: bool = False
    shadow_reason: str = ""  # why HVM guests have no hardware-assisted paging

    step: str = ""
    detail: str = ""
    changes: list[Change] = field(factory=list)
    bit: Bits = field(init=False)
    intel: bool = field(init=False)
    amd: bool = field(init=False)
    hygon: bool = field(init=False)
    family: int = field(init=False)
    model: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.bit = self.plan.bit
        self.intel = self.cpu.vendor == INTEL
        self.amd = self.cpu.vendor == AMD
        self.hygon = self.cpu.vendor == HYGON
        self.family = self.cpu.family
        self.model = self.cpu.model

    @property
    def intel6(self) -> bool:
        return self.intel and self.family == 6

    @property
    def amd_like(self) -> bool:
        """AMD or Hygon, which Xen treats alike in most places."""
        return self.amd or self.hygon

    @property
    def virtualised(self) -> bool:
        """Xen itself runs in a virtual machine, as far as the host set tells."""
        return bool(self.host & self.bit["HYPERVISOR"])

    def has(self, name: str) -> bool:
        """The feature is in the host set."""
        return bool(self.host & self.bit[name])

    def in_cpuid(self, name: str) -> bool:
        """CPUID shows the feature now."""
        return bool(self.cpuid & self.bit[name])

    def mask(self, *names: str) -> int:
        """These features as a set."""
        bits = 0
        for name in names:
            bits |= self.bit[name]
        return bits

    def force(self, *names: str) -> None:
        for name in names:
            bit = self.bit[name]
            self.forced |= bit
            self.changes.append(
                Change(self.step, "forced", bit, 0, self.plan.number[bit], self.detail)
            )
            if self.booted and not self.cleared & bit:
                self.host |= bit

    def clear(self, *names: str) -> None:
        for name in names:
            self.clear_bit(self.bit[name])

    def clear_bit(self, bit: int) -> None:
        if not bit or self.cleared & bit:
            return
        bits = (bit | self.plan.dependents.get(bit, 0)) & ~self.cleared
        self.cleared |= bits
        self.changes.append(
            Change(self.step, "cleared", bits, 0, self.plan.number[bit], self.detail)
        )
        if self.booted:
            self.host &= ~bits

    def show_cpuid(self) -> None:
        """Bring `cpuid` up to date with `hidden` and `shown`."""
        self.cpuid = self.silicon & ~self.hidden | self.shown
