"""The host set, but for the vendor's code: command line, raw, known features, first CPU's boot.

xen/arch/x86/cpu-policy.c, cpu/common.c, xstate.c, setup.c.
"""

from __future__ import annotations

from .source import Source
from .state import State
from .step import Phase

COMMAND_LINE = Phase("Command line")
RAW = Phase("Raw")
RAW_STATE = Phase("Raw: bits that are state")
APPLY = Phase("Host: known, forced, cleared")
BOOT = Phase("Host: boot of the first CPU")


_PARSED = Source("cpu-policy.c _parse_xen_cpuid()", {"4.13 xsr": "cpuid.c parse_xen_cpuid()"})
NATIVE = Source(
    "xen/lib/x86/cpuid.c x86_cpu_policy_fill_native()",
    {
        "4.13 xsr": "xen/lib/x86/cpuid.c x86_cpuid_policy_fill_native()",
        "4.22+": "lib/cpu-policy/cpuid.c x86_cpu_policy_fill_native()",
    },
)

# Command line


@COMMAND_LINE.step(
    "cmd.cpuid-clear",
    "all",
    when="cpuid=no-NAME or cpuid=NAME=off on the command line",
    effect="CLEAR NAME and all that depends on it",
    why="the command line takes it away from Xen itself, so no guest can get it",
    source=_PARSED,
)
def _cpuid_clear(s: State) -> None:
    for item in s.options.cpuid:
        if not item.show:
            s.detail = f"cpuid={item.text}"
            s.clear_bit(1 << item.number)


@COMMAND_LINE.step(
    "cmd.cpuid-rdrand",
    "all",
    when="cpuid=rdrand on the command line and CPUID shows RDRAND",
    effect="FORCE RDRAND",
    why="the administrator overrides the places where Xen hides RDRAND; no other feature can be "
    "asked for",
    source=_PARSED,
)
def _cpuid_rdrand(s: State) -> None:
    rdrand = s.bit["RDRAND"]
    if s.silicon & rdrand and any(i.show and 1 << i.number == rdrand for i in s.options.cpuid):
        s.detail = "cpuid=rdrand"
        s.force("RDRAND")


@COMMAND_LINE.step(
    "cmd.cpuid-avx512",
    "xs8 xs8.2 xsr",
    when="cpuid=avx512, cpuid=no-avx512 or cpuid=avx512=BOOL on the command line",
    effect="the choice for host.avx512",
    why="XenServer hides AVX512 by default and gives it back on request",
    source=Source("cpu-policy.c parse_cpuid()", {"xsr": "cpuid.c parse_xen_cpuid()"}),
)
def _cpuid_avx512(_s: State) -> None:
    """The choice is kept in the options until host.avx512."""


@COMMAND_LINE.step(
    "cmd.nolapic",
    "all",
    when="nolapic on the command line",
    effect="CLEAR APIC",
    why="the administrator forbids the local APIC",
    source="apic.c lapic_disable()",
)
def _nolapic(s: State) -> None:
    if s.options.nolapic:
        s.clear("APIC")


# Raw


@RAW.step(
    "raw.words",
    "all",
    when="always",
    effect="each word is its CPUID register, 0 beyond the CPU's highest leaf",
    why="the CPU is asked directly; by now Xen may have written registers that change the answer",
    source=NATIVE,
)
def _raw_words(s: State) -> None:
    s.raw = s.cpuid & s.raw_readable & ~(s.plan.word("m10Al") | s.plan.word("m10Ah"))


@RAW.step(
    "raw.arch-caps",
    "4.14+ xs8 xs8.2",
    when="the raw set has ARCH_CAPS",
    effect="two words are MSR 10a",
    why="reading the register without that bit would fault",
    source=NATIVE,
)
def _raw_arch_caps(s: State) -> None:
    if s.raw & s.bit["ARCH_CAPS"]:
        s.raw |= s.cpuid & (s.plan.word("m10Al") | s.plan.word("m10Ah"))


@RAW_STATE.step(
    "raw.os-bits-early",
    "4.19-4.21",
    when="always",
    effect="OSXSAVE and OSPKE are 0",
    why="raw is read before Xen switches XSAVE and protection keys on",
    source="cpu-policy.c calculate_raw_cpu_policy()",
)
@RAW_STATE.step(
    "raw.os-bits-cleared",
    "4.22+",
    when="always",
    effect="clear OSXSAVE and OSPKE",
    why="they say what Xen has switched on, not what the CPU can do",
    source="cpu-policy.c calculate_raw_cpu_policy()",
)
def _raw_os_bits(s: State) -> None:
    s.raw &= ~s.mask("OSXSAVE", "OSPKE")


# Known, forced, cleared


@APPLY.step(
    "host.known",
    "all",
    when="always",
    effect="keep only bits this Xen has a name for",
    why="a bit Xen does not know is not handed on",
    source="cpu/common.c identify_cpu()",
)
def _known(s: State) -> None:
    s.host &= s.plan.masks["known"]


@APPLY.step(
    "host.forced",
    "all",
    when="always",
    effect="set all that was forced so far",
    why="a step before this one has forced it",
    source="cpu/common.c identify_cpu()",
)
def _forced(s: State) -> None:
    s.host |= s.forced


@APPLY.step(
    "host.cleared",
    "all",
    when="always",
    effect="clear all that was cleared so far",
    why="a step before this one has cleared it, which wins over forcing",
    source="cpu/common.c identify_cpu()",
)
def _cleared(s: State) -> None:
    s.host &= ~s.cleared


# Boot of the first CPU: force and clear act at once from here on


@BOOT.step(
    "host.lapic",
    "all",
    when="lapic on the command line and no APIC in CPUID",
    effect="FORCE APIC",
    why="the administrator has Xen switch on the local APIC that firmware left off",
    source="apic.c detect_init_APIC()",
)
def _lapic(s: State) -> None:
    if s.options.lapic and not s.in_cpuid("APIC"):
        s.force("APIC")


@BOOT.step(
    "host.xsave-off",
    "all",
    when="xsave=0 on the command line, or no leaf 0dh",
    effect="CLEAR XSAVE",
    why="without leaf 0dh, or against the administrator's wish, Xen does not use XSAVE",
    source="xstate.c xstate_init()",
)
def _xsave_off(s: State) -> None:
    if s.has("XSAVE") and (not s.options.xsave or s.cpu.max_basic < 0xD):
        s.detail = "no leaf 0dh" if s.options.xsave else "xsave=0"
        s.clear("XSAVE")


@BOOT.step(
    "host.osxsave-on",
    "all",
    when="XSAVE present",
    effect="CPUID shows OSXSAVE from now on",
    why="Xen switches XSAVE on (CR4.OSXSAVE)",
    source="xstate.c xstate_init()",
)
def _osxsave_on(s: State) -> None:
    if s.has("XSAVE"):
        s.shown |= s.bit["OSXSAVE"]
        s.show_cpuid()


@BOOT.step(
    "host.osxsave-forced",
    "xs8 xs8.2 xsr",
    when="XSAVE present",
    effect="FORCE OSXSAVE",
    why="XenServer looks at CPUID again after loading microcode at run time, and this bit is not "
    "to count as a change",
    source="xstate.c xstate_init()",
)
def _osxsave_forced(s: State) -> None:
    if s.has("XSAVE"):
        s.force("OSXSAVE")


@BOOT.step(
    "host.smep-option",
    "all",
    when="smep=0 on the command line (smep=hvm leaves it to guests)",
    effect="CLEAR SMEP",
    why="the administrator switches it off",
    source="setup.c __start_xen()",
)
def _smep_option(s: State) -> None:
    if s.options.smep == "off":
        s.detail = "smep=0"
        s.clear("SMEP")


@BOOT.step(
    "host.smap-option",
    "all",
    when="smap=0 on the command line (smap=hvm leaves it to guests)",
    effect="CLEAR SMAP",
    why="the administrator switches it off",
    source="setup.c __start_xen()",
)
def _smap_option(s: State) -> None:
    if s.options.smap == "off":
        s.detail = "smap=0"
        s.clear("SMAP")


@BOOT.step(
    "host.pke-on",
    "4.16-4.18 xs8",
    when="PKU present",
    effect="CPUID shows OSPKE from now on",
    why="Xen switches protection keys on (CR4.PKE) for its own walks of HVM guests' page tables, "
    "which read PKRU",
    source="setup.c __start_xen()",
)
def _pke_on(s: State) -> None:
    if s.has("PKU"):
        s.shown |= s.bit["OSPKE"]
        s.show_cpuid()


@BOOT.step(
    "host.avx512",
    "xs8 xs8.2 xsr",
    when="cpuid=no-avx512; or no such option and (XenServer 8) Intel family 6 model 55h, (8.2 and "
    "the retrofit) any vendor but AMD",
    effect="CLEAR AVX512F",
    why="XenServer hides AVX512 unless the command line asks for it",
    source="setup.c __start_xen()",
)
def _avx512(s: State) -> None:
    wish = s.options.avx512
    if wish is not None:
        s.detail = "cpuid=no-avx512"
    elif s.plan.release.line == "xenserver-8":
        wish = not (s.intel6 and s.model == 0x55)
        s.detail = (
            "on Skylake-SP, Cascade Lake and Cooper Lake it lowers the clock of the whole package"
        )
    else:
        wish = s.amd
        s.detail = "on all CPUs but AMD's, whose AVX512 does not lower the clock of the package"
    if not wish:
        s.clear("AVX512F")
