"""Rules of the house that no linter has: names that say what a value is, files of a size to read.

    python scripts/quality/house_rules.py    says what is against them; 1 where anything is

Looked at are xenops_cpu/ and scripts/, but for what is generated. Names are those of variables,
parameters, attributes, functions and imports; what stands on the wire or in JSON is a string.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("xenops_cpu", "scripts")
GENERATED = ROOT / "xenops_cpu" / "interface"
APART = {"data", "__pycache__"}
MOST_LINES = 350
# Words that fit every value, and so say nothing of one: the field has nouns.
SAYS_NOTHING = frozenset((
    "told", "found", "made", "given", "one", "this", "that", "these", "those", "said", "got",
    "what", "thing", "things", "rest",
))  # fmt: skip
# What was done to a value is not what it is. A function may be called so: that is what it answers.
DONE_TO_IT = frozenset(
    (
        "asked",
        "meant",
        "needed",
        "offered",
        "received",
        "spoken",
        "stated",
        "taken",
        "tried",
        "wanted",
    )
)


def files() -> Iterator[Path]:
    """Programs and modules, and what else has lines for people to read."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            ours = GENERATED not in path.parents and not APART.intersection(path.parts)
            if ours and path.suffix in (".py", ".c", ".sh", "") and path.is_file():
                yield path


def is_python(path: Path, text: str) -> bool:
    first = text.partition("\n")[0]
    return path.suffix == ".py" or (first.startswith("#!") and "python" in first)


def names(tree: ast.AST) -> Iterator[tuple[int, str, bool]]:
    """What the code names, with the line, and whether it is a value: no function, no class."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name, True
            case ast.arg(arg=name) | ast.alias(asname=str(name)):
                yield node.lineno, name, True
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name, False
            case ast.ClassDef(name=name):
                yield node.lineno, name.lower(), False
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name, True


def faults(path: Path, text: str) -> Iterator[str]:
    """What is against the rules in one file."""
    place = path.relative_to(ROOT)
    lines = text.count("\n")
    if lines > MOST_LINES:
        yield f"{place}: {lines} lines, more than {MOST_LINES}: it is two nouns"
    if is_python(path, text):
        for line, name, is_value in names(ast.parse(text)):
            word = name.strip("_")
            if word in SAYS_NOTHING or (is_value and word in DONE_TO_IT):
                yield f"{place}:{line}: {name} does not say what it is: the field has a noun for it"


def main() -> int:
    code = 0
    for path in files():
        for fault in faults(path, path.read_text(encoding="utf-8")):
            print(fault)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
