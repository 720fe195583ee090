"""A simulation as a person wants it: which CPU, with which microcode, under which Xen, started how.

The command line's options of a simulation and the library's derive_host come to the same here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from ..cpus import dumps, running, shipped
from ..cpus.params import options_of
from ..cpus.wish import Wish
from ..derivation import Options, derived_release, parse_cmdline
from ..features.release import Release
from .simulated import DEFAULT_RELEASE, Simulated, Subject, other_cpu, this_machine


@frozen(kw_only=True)
class Wanted:
    """`cpu`: a shipped one by its name, NAME+MICROCODE too; `dump`: a file that has one; neither:
    this machine's. `xen`: a release, "" for Xen 4.17. `microcode`: None for what `cpu` says, the
    newest public one, or what the dump or the machine has. `msrs`: registers that are to read
    otherwise, by index. `hvm`: False as with VT-x or SVM switched off in firmware.
    """

    cpu: str | None = None
    dump: Path | None = None
    xen: str = ""
    cmdline: str = ""
    microcode: Wish | None = None
    msrs: Mapping[int, int] = field(factory=dict)
    hvm: bool = True
    as_bare_metal: bool = False
    boot_cpuinfo: Path | None = None


def simulated(request: Wanted) -> Simulated:
    """What is wanted, ready to be read. Raises InputError, SourceError."""
    subject, known = _subject(request)
    xen = release(request.xen)
    return Simulated(
        subject=subject,
        xen=xen,
        options=options(request, xen, known),
        as_bare_metal=request.as_bare_metal,
        boot_cpuinfo=request.boot_cpuinfo,
        spelling=request.xen,
    )


def release(text: str) -> Release:
    """The release to derive for, Xen 4.17 for "". Raises ReleaseError, DerivationError."""
    return derived_release(text or DEFAULT_RELEASE)


def options(request: Wanted, xen: Release, known: Options | None = None) -> Options:
    """How Xen is started; `known`: what is known of the machine already.

    Raises CommandLineError for an item that Xen would complain about.
    """
    parse_cmdline(request.cmdline, xen, strict=True)
    base = known or Options()
    return evolve(
        base,
        cmdline=" ".join(filter(None, (base.cmdline, request.cmdline))),
        msrs={**base.msrs, **request.msrs},
        machine=base.machine if request.hvm else evolve(base.machine, hvm=False),
    )


def _subject(request: Wanted) -> tuple[Subject | None, Options | None]:
    """The CPU to simulate (None: this machine's) and what its record knows of the machine."""
    if request.cpu is not None:
        instance = shipped.find(request.cpu, request.microcode)
        return other_cpu(instance.cpu, instance.notes), options_of(instance.params)
    if request.dump is not None:
        dump, *others = dumps.read(request.dump)
        notes = dump.notes
        if others:
            notes = (*notes, f"{request.dump} has {1 + len(others)} CPUs: the first is taken")
        subject = other_cpu(dump.cpu, notes)
        if request.microcode is not None:
            return _with_microcode(subject, request.microcode, dump.params)
        return subject, options_of(dump.params)
    if request.microcode is not None:
        return _with_microcode(this_machine(request.boot_cpuinfo), request.microcode, {})
    return None, None


def _with_microcode(
    subject: Subject, wish: Wish, params: Mapping[str, Any]
) -> tuple[Subject, Options]:
    """A CPU that was read, with other microcode. What its record says of the revision goes."""
    result = running.of(subject.cpu, wish)
    known = {key: value for key, value in params.items() if key != "ucode"}
    return (
        evolve(subject, cpu=result.cpu, notes=(result.basis, *subject.notes)),
        options_of({**known, **result.params}),
    )
