"""The command behind scripts/verify-guests."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import domains, policies
from .score import Score

_EPILOG = """\
DIR has hosts/*.json and domains/*.json.gz (Xens that were booted, their domains and the guests
that ran in them) and userspace.json.gz (Xen's own functions, compiled and given CPU dumps); beside
it are corpus/dumps.jsonl and golden/xen-RELEASE.jsonl. POLICIES are files of whole system policies
of such dumps, or as xen-cpuid printed them in booted Xens; they use the corpus beside DIR.

left out: plain CPUID instructions of PV guests, which show QEMU's CPU; EBX of leaf dh in HVM
guests, whose XSETBV QEMU does not catch; TSC values, frequencies, domain ids and the width of the
host's memory, which nobody can know; in userspace.json.gz what its raw policies have by hand.

exit codes: 0 all that is reliable is equal, 1 something is not, 2 wrong use, 3 a file cannot be
read
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="verify-guests",
        description="Predict every domain, guest and system policy of a data set, and compare.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="DIR", type=Path)
    parser.add_argument("policies", metavar="POLICIES", type=Path, nargs="*")
    parser.add_argument(
        "--show", metavar="N", type=int, default=10, help="mismatches to show of each kind (10)"
    )
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        print(f"verify-guests: {arguments.folder} is no folder", file=sys.stderr)
        return 3
    scores = [
        Score(subject, arguments.show) for subject in ("domains", "CPUID lines", "system policies")
    ]
    of_domains, of_guests, of_policies = scores
    try:
        domains.booted_hosts(arguments.folder, of_domains, of_guests, of_policies)
        domains.userspace(arguments.folder, of_domains, of_policies)
        for path in arguments.policies:
            policies.count(path, arguments.folder.parent, of_policies)
    except (OSError, ValueError, KeyError) as error:
        print(f"verify-guests: {type(error).__name__}: {error}", file=sys.stderr)
        return 3
    for score in scores:
        for line in score.lines():
            print(line)
    equal, total = sum(s.equal for s in scores), sum(s.total for s in scores)
    print(f"all: {equal} of {total} equal")
    if not total:
        print(f"verify-guests: {arguments.folder} has nothing to compare", file=sys.stderr)
        return 3
    return 0 if equal == total else 1


if __name__ == "__main__":
    sys.exit(main())
