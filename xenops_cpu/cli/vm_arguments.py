"""What people type as VM: records, files, images, names of VMs in files that are given for their
hosts, hosts on which one was started.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .arguments import failing

if TYPE_CHECKING:
    from ..pools.vm import Vm

HELP = (
    "a VM: its last-boot record (file or text), a featureset, a suspend image, in dom0 domain:N or "
    "domain:all (those that run), the name of one in a file that is given for its hosts; 'new' for "
    "one that is shut down; a host stands for a VM that was started there"
)


def vms(texts: Sequence[str], parsed: argparse.Namespace, files: Sequence[str] = ()) -> list[Vm]:
    """All VMs of what was typed, in order, each once and with a name of its own.

    `files`: arguments that were given for their hosts, in which a VM may be looked for by its name
    or UUID. Raises Failure.
    """
    from .pool_arguments import reader  # with hosts, verdicts and all

    with failing():
        return reader(parsed).vms(texts, files)


def all_vms(texts: Sequence[str], parsed: argparse.Namespace, files: Sequence[str]) -> list[Vm]:
    """The VMs of what was typed, and those in files that were given for their hosts: a bug report,
    xapi's database, a live pool. Raises Failure.
    """
    from .pool_arguments import reader  # with hosts, verdicts and all

    with failing():
        return reader(parsed).all_vms(texts, files)
