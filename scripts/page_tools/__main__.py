"""scripts/generate-pages: writes or checks what the parsers give."""

from __future__ import annotations

import sys
from pathlib import Path

from page_tools import completion, manual
from xenops_cpu.cli.commands.completion import SCRIPTS

ROOT = Path(__file__).resolve().parents[2]
MANUAL = ROOT / "packaging" / "man"
COMPLETION = ROOT / "xenops_cpu" / "data" / "completion"


def files() -> dict[Path, str]:
    """The text of each file that is made."""
    scripts = completion.scripts()
    return {MANUAL / name: text for name, text in manual.pages().items()} | {
        COMPLETION / name: scripts[shell] for shell, name in SCRIPTS.items()
    }


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: scripts/generate-pages [--check]", file=sys.stderr)
        return 2
    pages = files()
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
    left = [
        path for folder in (MANUAL, COMPLETION) for path in folder.glob("*") if path not in pages
    ]
    if arguments:
        for path in (*stale, *left):
            print(
                f"{path.relative_to(ROOT)} is not what the parsers give: run scripts/generate-pages"
            )
        return 1 if stale or left else 0
    for path in left:
        path.unlink()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages[path])
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
