"""A derivation and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from ..cpuid.cpu import Cpu
from ..features.featureset import Featureset
from ..features.release import Release
from . import impossible, pipeline
from .cmdline import BootOptions, parse_cmdline
from .hardware import Machine, examine
from .releases import derived_release
from .state import Change, State, plan
from .words import read_words

SETS = ("raw", "host", "pv_max", "pv_default", "hvm_max", "hvm_default")


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
    no HVM guests has no bits, as Xen answers. `silicon`: the words as the CPU has them, whatever
    Xen reads of them, as one integer.
    """

    cpu: Cpu
    release: Release
    options: BootOptions
    featuresets: Mapping[str, Featureset | None]
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    hvm: bool
    hap: bool
    silicon: int = field(repr=False)


def derive(cpu: Cpu, release: Release, options: Options | None = None) -> Derivation:
    """The featuresets of `release` on `cpu`.

    Raises DerivationError for a release before 4.13, CommandLineError (see Options).
    """
    derived_release(release.name)
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
        notes=(
            *impossible.notes(cpu, tables, words.silicon),
            *hardware.notes,
            *boot.malformed,
            *boot.notes,
        ),
        hvm=state.hvm,
        hap=state.hap,
        silicon=words.silicon,
    )
