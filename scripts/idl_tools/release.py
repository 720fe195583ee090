"""scripts/release-contract: give the contract a version, and keep it and its golden calls for ever.

What it writes, or nothing at all when something is wrong:

    idl/xenops_cpu.openrpc.yaml, xenops_cpu/version.py   the version
    what generate-interface and idl-test-data generate make of that
    idl/released/VERSION.*                                the contract and its golden calls

CHANGELOG.md has to have a section for the version, with a date: that is written by hand.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from . import released, test_data
from .compatibility import changes, may_add, numbers
from .contract import ContractError, load
from .generate import CONTRACT, ROOT, generated, judge, page, read_yaml, write

PROGRAM = Path("xenops_cpu/version.py")
CHANGELOG = Path("CHANGELOG.md")
TEST_DATA = Path("idl/test_data")
# Where each file has the version, between what is before and behind it.
IN_CONTRACT = re.compile(r"(^info:\n(?:  .*\n)*?  version: )(\S+)($)", re.MULTILINE)
IN_PROGRAM = re.compile(r'(^__version__ = ")([^"\n]+)("$)', re.MULTILINE)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="release-contract",
        description="Give the contract a version, and keep it and its golden calls for ever.",
        epilog="Exit codes: 0 released; 1 the version may not break what the contract breaks, or "
        "was released already; 2 wrong usage, or a file is malformed or cannot be read or written.",
    )
    parser.add_argument("version", metavar="VERSION", help="such as 0.3.0")
    parser.add_argument(
        "--again",
        action="store_true",
        help="replace what is kept of VERSION, as long as nobody has it",
    )
    options = parser.parse_args(arguments)
    try:
        return release(ROOT, options.version, again=options.again)
    except (ContractError, OSError) as error:
        print(f"release-contract: {error}", file=sys.stderr)
        return 2


def release(root: Path, version: str, *, again: bool) -> int:
    """Release a version; the exit code. Raises ContractError or OSError before it writes."""
    texts = {path: _with(root, path, pattern, version) for path, pattern in VERSIONS.items()}
    contract = load(read_yaml(texts[CONTRACT]))
    _changelog(root, version)
    older = [known for known in released.versions(root) if numbers(known) < numbers(version)]
    newer = [known for known in released.versions(root) if numbers(known) > numbers(version)]
    if newer:
        return _refuse(f"{newer[-1]} was released, which is newer than {version}")
    if older:
        differences = changes(released.contract(root, older[-1]), contract)
        if not judge(older[-1], version, differences):
            return 1
        if differences and not may_add(older[-1], version):
            return _refuse(f"what is new since {older[-1]} needs a greater minor number")
    calls = {wire: test_data.generate(contract, wire) for wire in test_data.FORMS}
    frozen = released.frozen(contract, calls)
    differing = [path for path, text in frozen.items() if not _is(root / path, text)]
    if version in released.versions(root) and differing and not again:
        return _refuse(
            f"{version} was released with another contract: give this one another version, or say "
            "--again if nobody has that one"
        )
    readme = page(root, contract)
    (root / released.FOLDER).mkdir(exist_ok=True)
    write(root, texts | generated(contract) | readme | frozen)
    test_data.write(contract, root / TEST_DATA, list(test_data.FORMS))
    print(f"{version} is released: commit all of it")
    return 0


def _with(root: Path, path: Path, pattern: re.Pattern[str], version: str) -> str:
    """A file's text with another version in it."""
    numbers(version)
    text, count = pattern.subn(rf"\g<1>{version}\g<3>", (root / path).read_text("utf-8"))
    if count != 1:
        raise ContractError(f"{path}: has {count} lines with a version, where one is expected")
    return text


def _changelog(root: Path, version: str) -> None:
    text = (root / CHANGELOG).read_text("utf-8")
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", text, re.MULTILINE):
        raise ContractError(f"{CHANGELOG}: has no section ## [{version}] - YYYY-MM-DD")


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text


def _refuse(text: str) -> int:
    print(f"release-contract: {text}", file=sys.stderr)
    return 1


VERSIONS = {CONTRACT: IN_CONTRACT, PROGRAM: IN_PROGRAM}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
