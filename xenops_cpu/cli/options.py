"""Options that several commands share: which source to read, what to simulate."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from . import WRONG_USAGE, Failure
from .command_line import path

if TYPE_CHECKING:
    from ..sources import Source

# The copy of /proc/cpuinfo that xenopsd reads where it is there.
BOOT_CPUINFO = "/etc/xensource/boot_time_cpus"


def add_source(parser: argparse.ArgumentParser) -> None:
    """--source and what goes with it, and the options of a simulation."""
    from ..sources import KINDS
    from . import simulation

    parser.add_argument(
        "--source",
        metavar="SOURCE",
        help=f"where featuresets come from: {KINDS}; xen on a Xen host if not given, else "
        "simulated",
    )
    parser.add_argument(
        "--boot-cpuinfo",
        metavar="FILE",
        type=path,
        help="a copy of /proc/cpuinfo made at boot; used in its place where it is there "
        f"({BOOT_CPUINFO})",
    )
    simulation.add_options(parser)


def source(options: argparse.Namespace) -> Source:
    """The source asked for. Raises Failure."""
    from ..sources import SourceError, choose
    from . import simulation

    if simulation.asked_for(options):
        simulation.take_source(options, options.source or "simulated")
        return simulation.source(options)
    boot_cpuinfo = options.boot_cpuinfo
    if boot_cpuinfo is None and ":" not in (options.source or ""):  # a host by name has its own
        boot_cpuinfo = path(BOOT_CPUINFO)
    try:
        return choose.source(options.source, boot_cpuinfo)
    except SourceError as error:
        raise Failure(str(error)) from error
    except ValueError as error:
        raise Failure(str(error), WRONG_USAGE) from error


def names_a_source(options: argparse.Namespace) -> bool:
    """Whether an option says what to read."""
    from . import simulation

    return options.source is not None or simulation.asked_for(options)
