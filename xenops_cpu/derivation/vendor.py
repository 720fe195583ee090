"""The host set: the CPU's words, and what Xen's code for its vendor makes of them.

xen/arch/x86/cpu/common.c, amd.c, hygon.c, intel.c. The steps work on a copy of the words: "set" and
"clear" last for features Xen knows, FORCE and CLEAR are remembered and applied afterwards.
"""

from __future__ import annotations

from ..cpuid.identity import KNOWN_VENDORS
from .releases import span
from .source import Source
from .state import State
from .step import Phase

_4_14_ON = "4.14+ xs8 xs8.2"
# Where LFENCE_DISPATCH is forced or cleared, once, instead of set in each CPU's words.
_LFENCE_FORCED = "4.19+ xs8/4.17.6-2+"

VENDOR = Phase("Host: words and vendor code")


@VENDOR.step(
    "host.words",
    "all",
    when="always",
    effect="each word is its CPUID register or register half, 0 beyond the highest leaf",
    why="Xen starts from what the hardware says",
    source=Source("cpu/common.c generic_identify()", {"4.22+": "cpu/common.c identify_cpu()"}),
)
def _host_words(s: State) -> None:
    s.host = s.cpuid & s.host_readable


@VENDOR.step(
    "host.amd-pbe",
    "4.13-4.21 xs8 xs8.2 xsr",
    when="AMD",
    effect="clear PBE",
    why="on old AMD CPUs the bit stands for 3DNow!",
    source="cpu/amd.c init_amd()",
)
def _amd_pbe(s: State) -> None:
    if s.amd:
        s.host &= ~s.bit["PBE"]


@VENDOR.step(
    "host.amd-lahf",
    "all",
    when="AMD family 0fh, model below 14h",
    effect="clear LAHF_LM",
    why="erratum 110: firmware sets the bit on CPUs that came before the instruction",
    source="cpu/amd.c init_amd()",
)
def _amd_lahf(s: State) -> None:
    if s.amd and s.family == 0x0F and s.model < 0x14:
        s.host &= ~s.bit["LAHF_LM"]


@VENDOR.step(
    "host.lfence-old",
    _4_14_ON,
    when="AMD family 0fh or 11h",
    effect="set LFENCE_DISPATCH (FORCE from 4.19 and in XenServer 8 from 4.17.6-2)",
    why="LFENCE always waits for what came before it on these, and there is no register to ask",
    source=Source("cpu/amd.c init_amd()", {_LFENCE_FORCED: "cpu/amd.c amd_init_lfence_dispatch()"}),
)
def _lfence_old(s: State) -> None:
    if s.amd and s.family in (0x0F, 0x11):
        _lfence(s, True)


@VENDOR.step(
    "host.lfence-de-cfg",
    _4_14_ON,
    when="AMD of another family, or Hygon, and CPUID does not show LFENCE_DISPATCH",
    effect="set LFENCE_DISPATCH if DE_CFG (MSR c0011029) bit 1 is set or can be, else clear it "
    "(FORCE, CLEAR from 4.19 and in XenServer 8 from 4.17.6-2)",
    why="against Spectre, Xen makes LFENCE dispatch-serialising wherever the register lets it",
    source=Source(
        "cpu/amd.c amd_init_lfence()",
        {_LFENCE_FORCED: "cpu/amd.c amd_init_de_cfg(), amd_init_lfence_dispatch()"},
    ),
)
def _lfence_de_cfg(s: State) -> None:
    other = s.hygon or (s.amd and s.family not in (0x0F, 0x11))
    if other and not s.in_cpuid("LFENCE_DISPATCH"):
        may_write = not (s.virtualised and _lfence_is_forced(s))
        _lfence(s, s.hardware.lfence_dispatches(may_write=may_write))


def _lfence_is_forced(s: State) -> bool:
    return s.plan.release.name in span(_LFENCE_FORCED)


def _lfence(s: State, present: bool) -> None:
    s.detail = "" if present else "DE_CFG cannot be read, or its bit cannot be set"
    if not _lfence_is_forced(s):
        bit = s.bit["LFENCE_DISPATCH"]
        s.host = s.host | bit if present else s.host & ~bit
    elif present:
        s.force("LFENCE_DISPATCH")
    else:
        s.clear("LFENCE_DISPATCH")


@VENDOR.step(
    "host.nscb",
    "4.16+ xs8",
    when="AMD family 17h or Hygon family 18h, not in a VM, NSCB absent, and loading a NULL "
    "selector clears the segment base",
    effect="FORCE NSCB",
    why="Zen 2 behaves so without saying it in CPUID",
    source="cpu/amd.c detect_zen2_null_seg_behaviour(); cpu/hygon.c init_hygon()",
)
def _nscb(s: State) -> None:
    candidate = (s.amd and s.family == 0x17) or (s.hygon and s.family == 0x18)
    if candidate and not s.virtualised and not s.has("NSCB") and s.hardware.null_seg_clears_base:
        s.force("NSCB")


@VENDOR.step(
    "host.amd-rdrand",
    "all",
    when="AMD family 15h or 16h with RDRAND, without cpuid=rdrand",
    effect="CLEAR RDRAND",
    why="firmware may leave RDRAND returning constants after suspend to RAM",
    source="cpu/amd.c init_amd()",
)
def _amd_rdrand(s: State) -> None:
    affected = s.amd and s.family in (0x15, 0x16) and s.has("RDRAND")
    if affected and not s.forced & s.bit["RDRAND"]:
        s.clear("RDRAND")


@VENDOR.step(
    "host.btc-no",
    "all",
    when="AMD family 19h, not in a VM, BTC_NO absent",
    effect="set BTC_NO (FORCE from 4.22)",
    why="Zen 3 is not open to branch type confusion but came before the bit",
    source="cpu/amd.c init_amd()",
)
def _btc_no(s: State) -> None:
    if s.amd and s.family == 0x19 and not s.virtualised and not s.has("BTC_NO"):
        if s.plan.release.name in span("4.22+"):
            s.force("BTC_NO")
        else:
            s.host |= s.bit["BTC_NO"]


@VENDOR.step(
    "host.topoext",
    "all",
    when="AMD family 15h, models 10h to 1fh, TOPOEXT absent, MSR c0011005 readable",
    effect="set TOPOEXT, in CPUID too",
    why="firmware has switched it off, and Xen's topology code wants it",
    source="cpu/amd.c init_amd()",
)
def _topoext(s: State) -> None:
    if (
        s.amd
        and s.family == 0x15
        and 0x10 <= s.model <= 0x1F
        and not s.has("TOPOEXT")
        and s.hardware.topoext_writable
    ):
        s.host |= s.bit["TOPOEXT"]
        s.shown |= s.bit["TOPOEXT"]
        s.show_cpuid()


@VENDOR.step(
    "host.amd-monitor",
    "all",
    when="AMD family 10h",
    effect="clear MONITOR",
    why="MWAIT reaches no deep sleep on these",
    source="cpu/amd.c init_amd()",
)
def _amd_monitor(s: State) -> None:
    if s.amd and s.family == 0x10:
        s.host &= ~s.bit["MONITOR"]


@VENDOR.step(
    "host.amd-sep",
    "all",
    when="AMD or Hygon",
    effect="clear SEP",
    why="these CPUs have no SYSENTER in long mode",
    source="cpu/amd.c init_amd(); cpu/hygon.c init_hygon()",
)
def _amd_sep(s: State) -> None:
    if s.amd_like:
        s.host &= ~s.bit["SEP"]


@VENDOR.step(
    "host.unknown-sep",
    "4.13-4.21 xs8 xs8.2 xsr",
    when="the vendor is none of Intel, AMD, Hygon, Centaur, Shanghai",
    effect="clear SEP",
    why="Xen has no code for this vendor, so it does not trust SYSENTER",
    source="cpu/common.c default_init()",
)
def _unknown_sep(s: State) -> None:
    if s.cpu.vendor not in KNOWN_VENDORS:
        s.host &= ~s.bit["SEP"]


@VENDOR.step(
    "host.clwb",
    _4_14_ON,
    when="Intel family 6 model 55h",
    effect="CLEAR CLWB",
    why="the microcode against GDS makes CLWB slow there, so Xen is to use CLFLUSHOPT",
    source="cpu/intel.c init_intel()",
)
def _clwb(s: State) -> None:
    if s.intel6 and s.model == 0x55:
        s.clear("CLWB")


@VENDOR.step(
    "host.erms",
    "4.21+",
    when="Intel, fast strings off (MSR 1a0 bit 0)",
    effect="CLEAR ERMS",
    why="firmware has switched fast string operations off",
    source="cpu/intel.c early_init_intel()",
)
def _erms(s: State) -> None:
    if s.intel and not s.hardware.fast_strings:
        s.clear("ERMS")


@VENDOR.step(
    "host.clzero",
    "4.21+",
    when="CPUID shows CLFLUSH with a line size that is 0 or no power of two",
    effect="CLEAR CLZERO",
    why="Xen's way of clearing pages cannot use it with such lines",
    source="cpu/common.c early_cpu_init()",
)
def _clzero(s: State) -> None:
    size = min((s.cpu.leaf(1)[1] >> 8 & 0xFF) * 8, 128)
    if s.in_cpuid("CLFLUSH") and (not size or size & (size - 1)):
        s.clear("CLZERO")


@VENDOR.step(
    "host.pku-option",
    "4.13-4.17 xs8 xs8.2 xsr",
    when="pku=0 on the command line",
    effect="CLEAR PKU",
    why="the administrator switches protection keys off (from 4.18 with cpuid=no-pku only)",
    source="cpu/common.c identify_cpu()",
)
def _pku_option(s: State) -> None:
    if not s.options.pku:
        s.clear("PKU")
