"""Options that say what to simulate. What it takes is imported only when one of them is given:
the daemon of a Xen host starts without it.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..errors import Error
from . import WRONG_USAGE, Failure
from .command_line import path

if TYPE_CHECKING:
    from ..cpus.wish import Wish
    from ..derivation import Options
    from ..features.release import Release
    from ..sources.simulated import Simulated
    from ..sources.wanted import Wanted


def add_options(parser: argparse.ArgumentParser) -> None:
    """What to simulate: any of these means the simulated source."""
    from ..features.release import DERIVED_SINCE, spoken_range

    group = parser.add_argument_group("simulation (any of these means --source simulated)")
    which = group.add_mutually_exclusive_group()
    which.add_argument(
        "--cpu",
        metavar="CPU",
        help="a shipped CPU (xenops-cpu cpus lists them), CPU+MICROCODE too",
    )
    which.add_argument(
        "--dump",
        metavar="FILE",
        type=path,
        help="a CPU from a file: a dump of InstLatx64 or libcpuid, a capture, records as JSON",
    )
    group.add_argument(
        "--xen",
        metavar="RELEASE",
        help=f"{spoken_range(DERIVED_SINCE)} (default: 4.17)",
    )
    group.add_argument("--xen-cmdline", metavar="TEXT", help="Xen's boot options")
    group.add_argument(
        "--microcode",
        metavar="WISH",
        type=_microcode,
        help="newest (public; the default of --cpu), as-dumped, a revision (0x5003605), a date "
        "(2023-08), a package (microcode-20230808) or xcp-ng-8.3",
    )
    group.add_argument(
        "--msr",
        metavar="INDEX=VALUE",
        type=_msr,
        action="append",
        help="a register's value, both in hex, such as 10a=8000000; may be repeated",
    )
    group.add_argument(
        "--no-hvm", action="store_true", help="as with VT-x or SVM switched off in firmware"
    )
    group.add_argument(
        "--as-bare-metal", action="store_true", help="as if no hypervisor ran below this machine"
    )


def _microcode(text: str) -> Wish:
    from ..cpus import wish

    try:
        return wish.parse(text)
    except wish.WishError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _msr(text: str) -> tuple[int, int]:
    index, equals, value = text.partition("=")
    if not equals:
        raise ValueError
    msr = int(index, 16), int(value, 16)
    if not (0 <= msr[0] < 1 << 32 and 0 <= msr[1] < 1 << 64):
        raise ValueError
    return msr


_msr.__name__ = "INDEX=VALUE (hex)"


def asked_for(options: argparse.Namespace) -> bool:
    """Whether one of the options was given."""
    return any(
        value not in (None, False)
        for value in (
            *(options.cpu, options.dump, options.xen, options.xen_cmdline, options.microcode),
            *(options.msr, options.no_hvm, options.as_bare_metal),
        )
    )


def take_source(options: argparse.Namespace, source: str) -> None:
    """--source beside options of a simulation: cpu:NAME@RELEASE is --cpu NAME --xen RELEASE.

    Raises Failure for a source that is not simulated, or one that says the same thing otherwise.
    """
    kind, _, text = source.partition(":")
    if kind == "cpu" and text:
        name, at, xen = text.rpartition("@")
        if options.cpu is not None or options.dump is not None or (at and options.xen is not None):
            raise Failure(f"--source {source} names what --cpu, --dump or --xen do", WRONG_USAGE)
        options.cpu, options.xen = (name, xen) if at else (text, options.xen)
    elif source != "simulated":
        raise Failure(f"{source} is not simulated: no --cpu, --xen, ...", WRONG_USAGE)


def source(options: argparse.Namespace) -> Simulated:
    """What the options describe. Raises Failure."""
    from ..sources import wanted

    xen = xen_release(options)
    xen_options(options, xen)
    try:
        return wanted.simulated(_wanted(options))
    except ValueError as error:
        raise Failure(str(error)) from error


def xen_release(options: argparse.Namespace) -> Release:
    """The release to derive for. Raises Failure."""
    from ..sources import wanted

    try:
        return wanted.release(options.xen or "")
    except Error as error:
        raise Failure(f"--xen: {error}", WRONG_USAGE) from error


def xen_options(options: argparse.Namespace, xen: Release) -> Options:
    """How Xen is started. Raises Failure."""
    from ..derivation import CommandLineError
    from ..sources import wanted

    try:
        return wanted.options(_wanted(options), xen)
    except CommandLineError as error:
        raise Failure(f"--xen-cmdline: {error}", WRONG_USAGE) from error


def _wanted(options: argparse.Namespace) -> Wanted:
    from ..sources.wanted import Wanted

    return Wanted(
        cpu=options.cpu,
        dump=options.dump,
        xen=options.xen or "",
        cmdline=options.xen_cmdline or "",
        microcode=options.microcode,
        msrs=dict(options.msr or ()),
        hvm=not options.no_hvm,
        as_bare_metal=options.as_bare_metal,
        boot_cpuinfo=getattr(options, "boot_cpuinfo", None),
    )
