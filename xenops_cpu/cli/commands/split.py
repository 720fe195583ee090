"""xenops-cpu split: the best partition of hosts into sub-pools when one level costs too much."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ...interface import GuestType
from ...pools import words as told
from ...pools.member import Member
from ...pools.split import Split, SplitError, split
from .. import OK, WRONG_USAGE, Failure, pool_arguments, terminal
from .. import pool_words as words
from ..arguments import release

_EXAMPLES = """  xenops-cpu split cpu:xeon-gold-6154 cpu:core-i7-4930k cpu:epyc-7763 --xen 4.17
  xenops-cpu split --parts 2 @hosts.txt
  xenops-cpu split --json pool.xml | jq '.splits[] | select(.parts | length == 2)'
"""

# Without --parts, so many are tried.
_MOST_PARTS = 5


def parser() -> argparse.ArgumentParser:
    made = pool_arguments.parser(
        "split",
        "The best partition of hosts into sub-pools: the one that gives up the fewest features, "
        "summed over all hosts. Hosts of different vendors are never put together.",
        _EXAMPLES,
    )
    made.add_argument("hosts", metavar="HOST", nargs="+", help=pool_arguments.HOST_HELP)
    made.add_argument(
        "--parts", type=int, metavar="N", help="at most so many sub-pools (default: 1, 2, 3, …)"
    )
    pool_arguments.add_hex(made)
    return made


def run(arguments: argparse.Namespace) -> int:
    hosts = pool_arguments.members(arguments.hosts, arguments)
    guests = pool_arguments.guest_types(hosts, pool_arguments.wanted_type(arguments))
    found = [one for guest in guests for one in _splits(hosts, guest, arguments)]
    if not found:
        raise Failure("none of the hosts runs such guests, so there is nothing to split")
    if arguments.json:
        terminal.print_json({"splits": [_document(one) for one in found]})
        return OK
    for guest in guests:
        of_guest = [one for one in found if one.guest is guest]
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
    found: list[Split] = []
    for parts in range(1, _MOST_PARTS + 1):
        try:
            one = split(hosts, guest, parts, xen)
        except SplitError:  # fewer parts than vendors
            continue
        if not found or one.given_up < found[-1].given_up:
            found.append(one)
        if not one.given_up:
            break
    return found


def _document(one: Split) -> dict[str, object]:
    return {
        "guest_type": one.guest.name.lower(),
        "release": one.release.name,
        "parts": [
            {"hosts": list(part.hosts), **words.featureset_json(part.featureset, one.release)}
            for part in one.parts
        ],
        "given_up": one.given_up,
        "exact": one.exact,
    }


def _tell(splits: Sequence[Split], hosts: Sequence[Member], in_hex: bool) -> None:
    terminal.heading(
        f"{told.GUESTS[splits[0].guest]}: {told.count(_counted(splits[0]), 'host')} of "
        f"{len(hosts)} run them"
    )
    for one in splits:
        best = "" if one.exact else " (a good partition, perhaps not the best: too many kinds)"
        terminal.line(
            f"  {told.count(len(one.parts), 'pool')}: hosts give up "
            f"{told.count(one.given_up, 'feature')} in all{best}"
        )
        for part in one.parts:
            terminal.paragraph(
                f"{len(part.featureset)} features on {told.some(part.hosts, 10)}",
                indent=4,
                hanging=2,
            )
            if in_hex:
                terminal.line(f"      {part.featureset}")
    if len(splits) == 1 and len(splits[0].parts) == 1:
        terminal.line("  one pool gives up nothing: there is no reason to split")
    print()


def _counted(one: Split) -> int:
    return sum(len(part.hosts) for part in one.parts)
