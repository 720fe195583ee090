"""scripts/release: write a version and a date into CHANGELOG.md and the packages' changelogs."""

from __future__ import annotations

import sys
from pathlib import Path

from .texts import TEXTS, ReleaseError

ROOT = Path(__file__).resolve().parents[2]


def main(version: str, date: str, root: Path = ROOT) -> int:
    """All files, or none: each text is made before the first is written."""
    try:
        texts = {
            path: change((root / path).read_text("utf-8"), version, date)
            for path, change in TEXTS.items()
        }
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    for path, text in texts.items():
        (root / path).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
