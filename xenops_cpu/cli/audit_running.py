"""audit --running: VMs that run held to their records, by the words that audit has for findings."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..inputs import Stored
from ..inputs.argument import DOMAIN
from ..pools.audit import VmFinding
from ..pools.member import Member
from ..pools.running import level_of, of_running
from ..pools.vm import Vm
from ..pools.words import count
from . import WRONG_USAGE, Failure, vm_arguments


def add_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--running",
        metavar="VM",
        nargs="*",
        help="hold VMs that run, as the hypervisor has them, to their records (by UUID or name) "
        "and to the pool's level: domain:all where none is named; NAME=FILE with what xen-cpuid "
        "-p DOMID printed",
    )


def running(arguments: argparse.Namespace) -> list[Vm]:
    """The VMs of --running; none without it. Raises Failure."""
    if arguments.running is None:
        return []
    if arguments.raise_messages:
        raise Failure(
            "--raise-messages: xapi has no message for what a VM that runs has other than its "
            "record; --lines and --hook hand it on",
            WRONG_USAGE,
        )
    return vm_arguments.vms(arguments.running or [f"{DOMAIN}all"], arguments)


def held(
    vms: Sequence[Vm], records: Sequence[Vm], taking: Sequence[Member], pools: Sequence[Stored]
) -> tuple[tuple[str, ...], tuple[VmFinding, ...]]:
    """What was compared, and what came out. Raises InputError."""
    if not vms:
        return (), ()
    level = level_of(pools[0].cpu_info) if len(pools) == 1 else {}
    against = "records, with the pool's level" if level else "records"
    compared = (
        f"what {count(len(vms), 'VM')} that run really have with their {against} and with what "
        f"{count(len(taking), 'host')} can take in"
    )
    return (compared,), tuple(of_running(vms, records, taking, level))
