"""raw -> host -> PV and HVM, maximum and default: what a Xen release makes of a CPU, and why.

`derive` runs Xen's own steps, named, in Xen's order, and records which step changed which bit.
The steps of the host set are in boot.py, tsx.py, vendor.py, speculation.py and virtualisation.py,
those of guests in maximum.py, common.py, default.py and single.py; pipeline.py has the order.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from ..cpuid import Cpu
from ..features import Release
from ..featureset import Featureset
from . import pipeline
from .cmdline import BootOptions, CommandLineError, parse_cmdline
from .hardware import Machine, examine
from .state import Change, State, plan
from .step import DERIVED_RELEASES, Phase, Step
from .words import read_words

__all__ = [
    "DERIVED_RELEASES", "SETS", "BootOptions", "Change", "CommandLineError", "Derivation",
    "DerivationError", "Machine", "Options", "Phase", "Step", "derive", "parse_cmdline",
]  # fmt: skip

SETS = ("raw", "host", "pv_max", "pv_default", "hvm_max", "hvm_default")


class DerivationError(ValueError):
    """A release whose derivation is not known here."""


@frozen
class Options:
    """How Xen is started, on what machine.

    `cmdline`: Xen's command line. `strict`: an item in it that Xen would complain about raises
    CommandLineError. `microcode`: the revision after Xen's own update, None for the CPU's.
    `msrs`: registers that are to read otherwise. `machine`: see Machine.
    """

    cmdline: str = ""
    strict: bool = False
    microcode: int | None = None
    msrs: Mapping[int, int] = field(factory=dict)
    machine: Machine = field(factory=Machine)


@frozen
class Derivation:
    """The result. `featuresets` by the names in SETS; None for a maximum the release does not
    have. `changes`: in order. `notes`: what was assumed about the machine, what was ignored of the
    command line. `options`: the command line as read. A set that does not exist because there are
    no HVM guests has no bits, as Xen answers.
    """

    cpu: Cpu
    release: Release
    options: BootOptions
    featuresets: Mapping[str, Featureset | None]
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    hvm: bool
    hap: bool


def derive(cpu: Cpu, release: Release, options: Options | None = None) -> Derivation:
    """The featuresets of `release` on `cpu`.

    Raises DerivationError for a release before 4.13, CommandLineError (see Options).
    """
    if release.name not in DERIVED_RELEASES:
        raise DerivationError(
            f"{release.title}: its derivation is not known here; "
            f"there are {', '.join(DERIVED_RELEASES)}"
        )
    if options is None:
        options = Options()
    boot = parse_cmdline(options.cmdline, release, strict=options.strict)
    cpu = cpu.with_msrs(options.msrs)
    hardware = examine(cpu, options.machine, options.microcode)
    words = read_words(cpu, release, hardware.arch_caps)
    tables = plan(release.name)
    # What an operating system switched on before the dump was taken is not on when Xen starts.
    state_bits = tables.bit["OSXSAVE"] | tables.bit["OSPKE"]
    state = State(
        plan=tables,
        cpu=cpu,
        options=boot,
        hardware=hardware,
        silicon=words.silicon & ~state_bits,
        host_readable=words.host,
        raw_readable=words.raw,
    )
    sets = pipeline.run(state)
    length = release.length
    return Derivation(
        cpu=cpu,
        release=release,
        options=boot,
        featuresets={
            name: None if bits is None else Featureset(bits, length)
            for name in SETS
            for bits in (sets[name],)
        },
        changes=tuple(state.changes),
        notes=(*hardware.notes, *boot.malformed, *boot.notes),
        hvm=state.hvm,
        hap=state.hap,
    )
