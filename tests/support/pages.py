"""README and docs as blocks: what a reader may type, with what the page shows of the output.

A block is fenced or indented by four. What it is follows from its language or its first words; a
comment in front of it says what that cannot tell:

    <!-- run by FILE -->        FILE of the project has each of its commands as they stand
    <!-- FILE, a new file -->  tests/support/followed.py puts it into a copy of the project
    <!-- tried by FILE -->      a slow test does what the page says, in a copy of the project
    <!-- not run: REASON -->    what needs a machine that no test has
    <!-- shown: WHAT -->        no commands: a form, lines of a log, figures

A comment behind a command may say `exit N`, where N is not 0.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from attrs import frozen

from tests import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(path for path in (ROOT / "idl").rglob("*.md") if path.name != "REFERENCE.md"),
]
PROMPT = "$ "
# Languages of fenced blocks, by what is done with them.
_SHELL = {"sh", "bash", "shell", "console"}
_SHOWN = {"json", "yaml", "mermaid", "xml", "ini", "text", "sql", "ocaml", "toml", "diff"}
# What an indented block of commands begins with.
_COMMANDS = re.compile(
    r"(?:[A-Z_]+=\S* )*(?:xenops-cpu\S*|(?:\.\./)?scripts/\S+|\.ci/run|\.venv/bin/\S+|source|"
    r"curl|git|pip|pipx|python3?|install|systemctl|apt|dnf|cd|xe|xl|grep|sudo|ssh|dune|cargo|man|ls|cat|cp|sh|bash|"
    r"duckdb|jq|for|zcat|chmod|mkdir|sed|kill|\./\S+|examples/\S+|packaging/\S+)(?:\s|$)"
)
_MARK = re.compile(
    r"<!-- (?:(run by|tried by|not run|shown):? ([^\n]*?)|"
    r"(\S+), (?:before:|in place of:|at its end|a new file).*) -->"
)
_EXIT = re.compile(r"\bexit (\d+)")


class Kind(Enum):
    """What is done with a block."""

    RUN = "commands that are run here"
    PYTHON = "Python that is run here"
    ELSEWHERE = "commands that a script runs as they stand"
    NOWHERE = "commands that nothing can run here"
    INSERTED = "text that a slow test puts into a copy of the project"
    SHOWN = "no commands"
    UNKNOWN = "nobody knows what"


@frozen
class Command:
    """`text`: as it is typed. `exit`: what it ends with. `shown`: lines of output, or None where
    the page shows none.
    """

    text: str
    exit: int
    shown: tuple[str, ...] | None


@frozen
class Block:
    page: Path
    line: int
    kind: Kind
    lines: tuple[str, ...]
    mark: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def commands(self) -> Iterator[Command]:
        """Each with what is shown of its output; lines that end with a backslash are one."""
        prompted = any(line.startswith(PROMPT) for line in self.lines)
        lines = list(self.lines)
        while lines:
            line = lines.pop(0)
            if prompted and not line.startswith(PROMPT):
                continue
            text = line.removeprefix(PROMPT)
            while text.endswith("\\") and lines:
                text = text[:-1] + lines.pop(0).strip()
            shown: list[str] = []
            while prompted and lines and not lines[0].startswith(PROMPT):
                shown.append(lines.pop(0).rstrip())
            while shown and not shown[-1]:
                shown.pop()
            plain, comment = _parted(text)
            if plain:
                code = _EXIT.search(comment)
                yield Command(
                    plain, int(code[1]) if code else 0, tuple(shown) if prompted else None
                )


def blocks(page: Path) -> Iterator[Block]:
    lines = page.read_text("utf-8").splitlines()
    number, mark = 0, ""
    while number < len(lines):
        line, start = lines[number], number
        if fence := re.match(r"( *)```(\w*)", line):
            number += 1
            while lines[number].strip() != "```":
                number += 1
            inside = [text.removeprefix(fence[1]) for text in lines[start + 1 : number]]
            number += 1
        elif line.startswith("    ") and not (start and _is_text(lines[start - 1])):
            while number < len(lines) and (lines[number].startswith("    ") or not lines[number]):
                number += 1
            inside = lines[start:number]
            while not inside[-1]:
                inside.pop()
            deep = min(len(text) - len(text.lstrip()) for text in inside if text)
            inside = [text[deep:] for text in inside]
        else:
            number += 1
            mark = (
                line.strip() if _MARK.fullmatch(line.strip()) else mark if not line.strip() else ""
            )
            continue
        language = fence[2] if fence else None
        kind = _kind(language, inside, mark)
        yield Block(page, start + 1, kind, tuple(inside), mark)
        mark = ""


def every_block() -> list[Block]:
    return [block for page in PAGES for block in blocks(page)]


def _is_text(line: str) -> bool:
    """Whether an indented line behind this one goes on with its paragraph."""
    return bool(line.strip()) and not line.startswith(("#", "    ", "<!--", "```", "|"))


def _kind(language: str | None, lines: list[str], mark: str) -> Kind:
    if found := _MARK.fullmatch(mark):
        kinds = {
            "run by": Kind.ELSEWHERE,
            "not run": Kind.NOWHERE,
            "shown": Kind.SHOWN,
            "tried by": Kind.INSERTED,
        }
        return kinds.get(found[1], Kind.INSERTED)
    if language in _SHOWN:
        return Kind.SHOWN
    if language in _SHELL:
        return Kind.RUN
    if language == "pycon":  # tests/front/test_page.py runs these as doctest does
        return Kind.INSERTED
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if language == "python" or (language is None and first.startswith(("from ", "import "))):
        return Kind.PYTHON
    if not language and (first.startswith(PROMPT) or _COMMANDS.match(first)):
        return Kind.RUN
    return Kind.UNKNOWN


def _parted(line: str) -> tuple[str, str]:
    """A command and the comment behind it."""
    lexer = shlex.shlex(line, posix=False, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:  # a quotation that goes on: no comment
        return line.strip(), ""
    position = 0
    for word in words:
        position = line.index(word, position)
        if word.startswith("#"):
            return line[:position].strip(), line[position:]
        position += len(word)
    return line.strip(), ""
