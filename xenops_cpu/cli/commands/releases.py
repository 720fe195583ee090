"""xenops-cpu releases: the releases of Xen and XenServer whose names and rules are known."""

from __future__ import annotations

import argparse
from typing import Any

from ...derivation import DERIVED_RELEASES
from ...features import point_releases
from ...features.release import RELEASES, Release
from ...features.release import release as release_named
from .. import OK, command_line, terminal

_EXAMPLES = """  xenops-cpu releases                       # all, oldest first
  xenops-cpu simulate --cpu xeon-gold-6240 --xen xenserver-8
  xenops-cpu releases --json | jq -r '.releases[] | select(.simulated).release'

exit codes: 0 done, 2 wrong use
"""


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "releases",
        "The releases of Xen and XenServer that --xen and cpu:NAME@RELEASE take. A point release "
        "(4.17.5) stands for its series, a line (xenserver-8) for the newest build of it; "
        "xcp-ng-8.2 and xcp-ng-8.3 have XenServer's.",
        _EXAMPLES,
    )
    command.add_argument("--json", action="store_true", help="for programs (docs/json.md)")
    return command


def run(arguments: argparse.Namespace) -> int:
    releases = [release_named(name) for name in RELEASES]
    if arguments.json:
        terminal.print_json({"releases": list(map(_document, releases))})
        return OK
    terminal.table(
        ("release", "words", "features", "max sets", "simulated", "tables of"),
        [
            (
                release.name,
                str(release.length),
                str(len(release.features)),
                "yes" if release.has_max else "no",
                "yes" if release.name in DERIVED_RELEASES else "no",
                _point(release) or release.title,
            )
            for release in releases
        ],
    )
    return OK


def _point(release: Release) -> str:
    """The newest point release that is known of a series, whose tables are those here."""
    point = point_releases.newest().get(release.name)
    return "" if point is None else f"Xen {release.name}.{point}"


def _document(release: Release) -> dict[str, Any]:
    """For programs: docs/json.md."""
    return {
        "release": release.name,
        "title": release.title,
        "point_release": _point(release).removeprefix("Xen ") or None,
        "words": release.length,
        "features": len(release.features),
        "has_max": release.has_max,
        "simulated": release.name in DERIVED_RELEASES,
        "source": release.source,
    }
