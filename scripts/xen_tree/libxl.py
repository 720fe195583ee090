"""Since which point release the libxl of each series knows a name for cpuid=, out of its history.

Writes data/libxl_since.txt: of each name that libxl of the newest point release knows
(xenops_cpu/guests/libxl_names.py), the first point release from which on all of the series know it
and mean the same bits by it.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xenops_cpu.cpuid.identity import REGISTERS
from xenops_cpu.cpuid.policy import NO_SUBLEAF
from xenops_cpu.features import point_releases
from xenops_cpu.features.release import release
from xenops_cpu.guests.libxl_names import Flag, MsrBit, names

from . import command_line
from .check_points import Repository, tag_of
from .tool import cmdline_name
from .tree import TreeError

FILES = ("tools/libs/light/libxl_cpuid.c", "tools/libxl/libxl_cpuid.c")
TARGET = Path(__file__).resolve().parents[2] / "xenops_cpu" / "data" / "libxl_since.txt"
HEAD = """\
# Since which point release of a series libxl knows its names for cpuid= (xl.cfg(5), libvirt's
# <feature>): that point release, and names that it and all later ones know and take for the bits
# that data/libxl.txt and Xen's own names say. What is not here is known since the .0.
#
# Xen's names of features came to 4.14, 4.15, 4.16 and 4.17 in 2023 (1157776c51 and its backports);
# before, libxl's own table had some of them, and one with the wrong register (tsxldtrk). Made by
# scripts/describe-libxl out of tools/libs/light/libxl_cpuid.c and cpufeatureset.h of each tag.
"""
_EXAMPLES = """  scripts/describe-libxl ../xen              # a clone with all tags: renew the table
  scripts/describe-libxl ../xen --check      # is it right?

exit codes: 0 done or right, 1 not right, 2 wrong use or no repository of Xen
"""
_ROW = re.compile(
    r'\{\s*"([^"]+)",\s*(0x[0-9a-fA-F]+),\s*(NA|\d+),\s*CPUID_REG_(E[A-D]X),\s*(\d+),\s*(\d+)\s*\}'
)

Meaning = tuple[int, ...]


def meanings(repository: Repository, tag: str) -> dict[str, Meaning]:
    """What each name means to libxl of a tag: its own table first, then Xen's names where it takes
    those.
    """
    text = _source(repository, tag)
    table: dict[str, Meaning] = {}
    if "INIT_FEATURE_NAME" in text:
        xen = release(tag.removeprefix("RELEASE-").rpartition(".")[0])
        known = names(xen)
        for feature, (number, _, _) in repository.features(tag).items():
            name = cmdline_name(feature)
            own = xen.features.get(feature)
            if own is not None and own.number == number and name in known:
                table[name] = meaning(known[name])
    for name, leaf, subleaf, register, low, width in _ROW.findall(text):
        number = NO_SUBLEAF if subleaf == "NA" else int(subleaf)
        place = REGISTERS.index(register.lower())
        table[name] = (int(leaf, 16), number, place, int(low), int(width))
    return table


def _source(repository: Repository, tag: str) -> str:
    for file in FILES:
        try:
            return repository.git("show", f"{tag}:{file}").decode(errors="replace")
        except TreeError:
            continue
    raise TreeError(f"{tag} has no {' or '.join(FILES)}")


def meaning(known: Flag | MsrBit) -> Meaning:
    """As a tuple, to compare by."""
    if isinstance(known, MsrBit):
        return known.index, known.bit
    return known.leaf, known.subleaf, known.register, known.low, known.width


def since(repository: Repository, series: str, last: int) -> Mapping[str, int]:
    """The first point release from which on each name is known; one more than `last` for a name
    that only the branch's head has.
    """
    known = {name: meaning(flag) for name, flag in names(release(series)).items()}
    first = dict.fromkeys(known, last + 1)
    for point in reversed(range(last + 1)):
        then = meanings(repository, tag_of(series, point))
        for name, means in known.items():
            if first[name] == point + 1 and then.get(name) == means:
                first[name] = point
    return first


def table(repository: Repository) -> str:
    """The whole file."""
    lines = [HEAD.rstrip("\n")]
    for series, last in point_releases.newest().items():
        by_point: dict[int, list[str]] = defaultdict(list)
        for name, point in since(repository, series, last).items():
            by_point[point].append(name)
        lines += _lines(series, by_point)
    return "\n".join(lines) + "\n"


def _lines(series: str, by_point: Mapping[int, Sequence[str]]) -> Iterator[str]:
    for point in sorted(by_point):
        if point:
            label = f"{series}.{point} "
            yield from textwrap.wrap(
                " ".join(sorted(by_point[point])), 98, initial_indent=label,
                subsequent_indent=label, break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    command = command_line.parser("describe-libxl", __doc__, _EXAMPLES)
    command_line.add_repository(command)
    command.add_argument("--check", action="store_true", help="compare, and change nothing")
    options = command.parse_args(arguments)
    try:
        text = table(Repository(options.repository))
    except (TreeError, OSError) as error:
        print(f"scripts/describe-libxl: {error}", file=sys.stderr)
        return 2
    if not options.check:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    same = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text
    print(f"{TARGET.name} is {'right' if same else 'not what that history says'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
