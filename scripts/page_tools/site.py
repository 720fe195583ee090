"""What mkdocs builds the site of: the pages, and all that they link to, where the project has it.

The folder is laid out as the project is, so that links need no change. A link to a folder leads to
its README, or is text where it has none. `commands.md` is each command's own help, made anew.
"""

from __future__ import annotations

import argparse
import importlib
import re
import shutil
import sys
from pathlib import Path

from xenops_cpu.cli.overview import GROUPS

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = ROOT / "packaging" / "site" / "mkdocs.yml"
_LINK = re.compile(r"(?P<text>!?\[[^]]*\])\((?P<target>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)")


def write(folder: Path) -> None:
    """`folder`: gets mkdocs.yml, and pages/."""
    shutil.copy(CONFIGURATION, folder / "mkdocs.yml")
    pages = folder / "pages"
    waiting = [ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")]
    waiting += [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "idl" / "REFERENCE.md"]
    files = set(waiting)
    while waiting:
        file = waiting.pop()
        copy = pages / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix != ".md":
            shutil.copy(file, copy)
            continue
        text, linked = page(file)
        copy.write_text(text, "utf-8")
        waiting += sorted(linked - files)
        files |= linked
    (pages / "commands.md").write_text(commands(), "utf-8")


def page(file: Path) -> tuple[str, set[Path]]:
    """The text of a page for the site, and the files that it links to."""
    linked: set[Path] = set()

    def link(match: re.Match[str]) -> str:
        target = (file.parent / match["target"]).resolve()
        if not target.is_relative_to(ROOT) or not target.exists():
            return match[0]  # mkdocs says what is wrong with it
        if target.is_dir():
            if not (target / "README.md").exists():
                return match["text"].strip("[]")
            linked.add(target / "README.md")
            return f"{match['text']}({match['target'].rstrip('/')}/README.md)"
        linked.add(target)
        return match[0]

    return _LINK.sub(link, file.read_text("utf-8")), linked


def commands() -> str:
    """The help of every command: options, examples, exit codes."""
    lines = ["# Every option", "", "Each command's own help, as `--help` prints it."]
    for title, group in GROUPS.items():
        lines += ["", f"## {title}"]
        for name, words in group.items():
            module = importlib.import_module(f"xenops_cpu.cli.commands.{name}")
            parser: argparse.ArgumentParser = module.parser()
            lines += ["", f"### {name}", "", f"{words[0].upper()}{words[1:]}.", ""]
            lines += ["```text", parser.format_help().rstrip(), "```"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
