"""xenops-cpu split: the best partition of hosts into sub-pools when one level costs too much."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ...interface import GuestType
from ...pools import words as phrases
from ...pools.member import Member
from ...pools.split import Split, SplitError, split
from .. import OK, WRONG_USAGE, Failure, pool_arguments, terminal
from ..arguments import release
from ..words import pool as words

_EXAMPLES = """  xenops-cpu split cpu:xeon-gold-6154 cpu:core-i7-4930k cpu:epyc-7763 --xen 4.17
  xenops-cpu split --parts 2 @hosts.txt
  xenops-cpu split --json pool.xml | jq '.splits[] | select(.parts | length == 2)'
"""

# Without --parts, so many are tried.
_MOST_PARTS = 5


def parser() -> argparse.ArgumentParser:
    command = pool_arguments.parser(
        "split",
        "The best partition of hosts into sub-pools: the one that gives up the fewest features, "
        "summed over all hosts. Hosts of different vendors are never put together.",
        _EXAMPLES,
    )
    command.add_argument("hosts", metavar="HOST", nargs="+", help=pool_arguments.HOST_HELP)
    command.add_argument(
        "--parts", type=int, metavar="N", help="at most so many sub-pools (default: 1, 2, 3, …)"
    )
    pool_arguments.add_hex(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    hosts = pool_arguments.members(arguments.hosts, arguments)
    guests = pool_arguments.guest_types(hosts, pool_arguments.wanted_type(arguments))
    partitions = [partition for guest in guests for partition in _splits(hosts, guest, arguments)]
    if not partitions:
        raise Failure("none of the hosts runs such guests, so there is nothing to split")
    if arguments.json:
        terminal.print_json({"splits": [_document(partition) for partition in partitions]})
        return OK
    for guest in guests:
        of_guest = [partition for partition in partitions if partition.guest is guest]
        if of_guest:
            _tell(of_guest, hosts, arguments.hex)
    return OK


def _splits(
    hosts: Sequence[Member], guest: GuestType, arguments: argparse.Namespace
) -> list[Split]:
    """One for each number of parts that gives up less than fewer parts do."""
    xen = release(arguments)
    if arguments.parts is not None:
        try:
            return [split(hosts, guest, arguments.parts, xen)]
        except SplitError as error:
            raise Failure(f"--parts: {error}", WRONG_USAGE) from error
    partitions: list[Split] = []
    for parts in range(1, _MOST_PARTS + 1):
        try:
            partition = split(hosts, guest, parts, xen)
        except SplitError:  # fewer parts than vendors
            continue
        if not partitions or partition.given_up < partitions[-1].given_up:
            partitions.append(partition)
        if not partition.given_up:
            break
    return partitions


def _document(partition: Split) -> dict[str, object]:
    return {
        "guest_type": partition.guest.name.lower(),
        "release": partition.release.name,
        "parts": [
            {"hosts": list(part.hosts), **words.featureset_json(part.featureset, partition.release)}
            for part in partition.parts
        ],
        "given_up": partition.given_up,
        "exact": partition.exact,
    }


def _tell(splits: Sequence[Split], hosts: Sequence[Member], in_hex: bool) -> None:
    terminal.heading(
        f"{phrases.GUESTS[splits[0].guest]}: {phrases.count(_counted(splits[0]), 'host')} of "
        f"{len(hosts)} run them"
    )
    for partition in splits:
        best = (
            "" if partition.exact else " (a good partition, perhaps not the best: too many kinds)"
        )
        terminal.line(
            f"  {phrases.count(len(partition.parts), 'pool')}: hosts give up "
            f"{phrases.count(partition.given_up, 'feature')} in all{best}"
        )
        for part in partition.parts:
            terminal.paragraph(
                f"{len(part.featureset)} features on {phrases.some(part.hosts, 10)}",
                indent=4,
                hanging=2,
            )
            if in_hex:
                terminal.line(f"      {part.featureset}")
    if len(splits) == 1 and len(splits[0].parts) == 1:
        terminal.line("  one pool gives up nothing: there is no reason to split")
    print()


def _counted(partition: Split) -> int:
    return sum(len(part.hosts) for part in partition.parts)
