"""Hold data/point_releases.txt to the history of Xen: each commit came with the point release that
the table names, and each feature that a point release added or changed in Xen's header is named by
a line that came with it.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from xenops_cpu.features import point_releases

from . import command_line, gen_cpuid, header
from .tree import TreeError, tree

_EXAMPLES = """  scripts/check-point-releases ../xen        # a clone with all tags

exit codes: 0 the table is right, 1 it is not, 2 wrong use or no repository of Xen
"""
_FILES = ("xen/Makefile", header.HEADER, gen_cpuid.TOOL)

Entry = tuple[int, str, tuple[str, ...]]


class Repository:
    """A clone of xen.git, asked with git. Raises TreeError where git cannot answer."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str) -> bytes:
        done = subprocess.run(["git", "-C", str(self.root), *arguments], capture_output=True)
        if done.returncode:
            message = done.stderr.decode(errors="replace").strip()
            raise TreeError(f"git {' '.join(arguments[:2])} in {self.root}: {message}")
        return done.stdout

    def includes(self, tag: str, commit: str) -> bool:
        """Whether the commit is in the history of the tag."""
        arguments = ("merge-base", "--is-ancestor", commit, tag)
        done = subprocess.run(["git", "-C", str(self.root), *arguments], capture_output=True)
        return done.returncode == 0

    def features(self, tag: str) -> dict[str, Entry]:
        """By name: number, letters, and what rests on it."""
        with tempfile.TemporaryDirectory() as folder:
            packed = io.BytesIO(self.git("archive", tag, *_FILES))
            with tarfile.open(fileobj=packed) as archive:
                # Python 3.11.4 and later; before, nothing kept members within the folder. They
                # are of git's own making.
                archive.extraction_filter = getattr(tarfile, "data_filter", None)
                archive.extractall(folder)
            source = tree(Path(folder))
            features = header.features(source)
            numbers = {feature.name: feature.number for feature in features}
            deep = gen_cpuid.closure(gen_cpuid.rules(source, numbers).dependencies)
        names = {number: name for name, number in numbers.items()}
        return {
            f.name: (
                f.number,
                f.annotation,
                tuple(names[n] for n in sorted(deep.get(f.number, ())) if n in names),
            )
            for f in features
        }


def tag_of(series: str, point: int) -> str:
    return f"RELEASE-{series}.{point}"


def wrong_commits(repository: Repository) -> Iterator[str]:
    """Those that did not come with the point release that the table says."""
    for change in point_releases.changes():
        for series, (point, commit) in change.arrivals.items():
            if not repository.includes(tag_of(series, point), commit):
                yield f"{change.title}: {commit} is not in {series}.{point}"
            elif repository.includes(tag_of(series, point - 1), commit):
                yield f"{change.title}: {commit} is in {series}.{point - 1} already"


def unnamed(repository: Repository) -> Iterator[str]:
    """Features that a point release added or changed, and no line of the table says so."""
    for series, last in point_releases.newest().items():
        before = repository.features(tag_of(series, 0))
        for point in range(1, last + 1):
            after = repository.features(tag_of(series, point))
            arrived = [
                change
                for change in point_releases.changes()
                if change.arrivals.get(series, (0, ""))[0] == point
            ]
            named = {name for change in arrived for name in change.features}
            yield from _unsaid(before, after, named, f"{series}.{point}")
            before = after


def _unsaid(
    before: dict[str, Entry], after: dict[str, Entry], named: set[str], name: str
) -> Iterator[str]:
    for feature, (number, letters, dependents) in after.items():
        was = before.get(feature)
        if was is None or was[:2] != (number, letters):
            if feature not in named:
                yield f"{name} brings or changes {feature}, which no line of the table names"
        elif not set(dependents) ^ set(was[2]) <= named:
            yield f"{name}: what rests on {feature} changed, and no line of the table names it"


def main(arguments: Sequence[str] | None = None) -> int:
    command = command_line.parser("check-point-releases", __doc__, _EXAMPLES)
    command_line.add_repository(command)
    options = command.parse_args(arguments)
    repository = Repository(options.repository)
    try:
        faults = [*wrong_commits(repository), *unnamed(repository)]
    except (TreeError, OSError) as error:
        print(f"scripts/check-point-releases: {error}", file=sys.stderr)
        return 2
    for sentence in faults:
        print(sentence)
    count = sum(len(change.arrivals) for change in point_releases.changes())
    print(f"{count} commits, {len(faults) or 'no'} fault{'s' * (len(faults) != 1)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
