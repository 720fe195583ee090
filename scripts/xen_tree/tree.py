"""A tree of Xen's source on disk: its files, its version, and the commit if git has it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from attrs import frozen

# Xen's largest source files have about 300 kB.
MAX_FILE = 4 << 20


class TreeError(Exception):
    """A tree, or a file in it, that is not what Xen's source looks like."""


@frozen
class Commit:
    """What git says of the tree; None for all that it does not say."""

    branch: str | None = None
    hash: str | None = None
    date: str | None = None
    title: str | None = None


@frozen
class Tree:
    root: Path

    def has(self, path: str) -> bool:
        return (self.root / path).is_file()

    def text(self, *paths: str) -> str:
        """The first of these files that is there. Raises TreeError."""
        for path in paths:
            file = self.root / path
            if file.is_file():
                if file.stat().st_size > MAX_FILE:
                    raise TreeError(f"{file} has more than {MAX_FILE} bytes: no source of Xen's")
                return file.read_text(encoding="utf-8", errors="replace")
        raise TreeError(f"{self.root} has no {' or '.join(paths)}: is it a tree of Xen's source?")

    def version(self) -> tuple[str, str]:
        """Of the Makefile: ("4.17", ".7"), ("4.23", "-unstable")."""
        makefile = self.text("xen/Makefile")
        matches = {
            key: re.search(rf"^export XEN_{key}\s*\??=\s*([^\s$]*)", makefile, re.MULTILINE)
            for key in ("VERSION", "SUBVERSION", "EXTRAVERSION")
        }
        missing = [key for key, match in matches.items() if match is None]
        if missing:
            raise TreeError(f"{self.root}/xen/Makefile does not say XEN_{missing[0]}")
        major, minor, extra = (match[1] for match in matches.values() if match is not None)
        return f"{major}.{minor}", extra

    def commit(self) -> Commit:
        """Nothing where the tree is no git checkout of its own (an unpacked archive, say)."""
        if not (self.root / ".git").exists():
            return Commit()
        form = "%H%n%cI%n%s"
        done = self._git("log", "-1", f"--format={form}")
        branch = self._git("rev-parse", "--abbrev-ref", "HEAD")
        if done is None:
            return Commit()
        commit, date, title = done.splitlines()
        return Commit(None if branch in (None, "HEAD") else branch, commit, date, title)

    def _git(self, *arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(self.root), *arguments],
                capture_output=True, text=True, timeout=60, check=True,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()


def tree(root: Path) -> Tree:
    """Raises TreeError for a folder that is no tree of Xen's source."""
    checkout = Tree(root)
    checkout.version()
    return checkout


def without_comments(text: str) -> str:
    """C without comments, every line where it was."""
    return re.sub(
        r"/\*.*?\*/|//[^\n]*", lambda match: "\n" * match[0].count("\n"), text, flags=re.DOTALL
    )
