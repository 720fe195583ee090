"""scripts/generate-interface: write, or check, every file that is made from the contract.

With --against it compares the contract with a released one instead (see compatibility.py).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import ocaml, package, reference, released
from .compatibility import Change, Use, changes, may_break, next_breaking
from .contract import ContractError, load
from .model import Contract

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = Path("idl/xenops_cpu.openrpc.yaml")
DOCUMENT = Path("xenops_cpu/data/openrpc.json")
INTERFACE = Path("xenops_cpu/interface")
CALLERS = Path("docs/callers.md")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="generate-interface", description="Make everything that follows from the contract."
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file differs"
    )
    parser.add_argument(
        "--against",
        metavar="VERSION",
        help="write nothing; exit 1 if the contract breaks callers of that released version, "
        f'which may be "{released.NEWEST}"',
    )
    options = parser.parse_args(arguments)
    try:
        contract = read_contract(ROOT / CONTRACT)
        files = generated(contract)
    except (ContractError, OSError) as error:
        print(f"generate-interface: {CONTRACT}: {error}", file=sys.stderr)
        return 2
    good = True
    try:
        files |= page(ROOT, contract)
        if options.against:
            good = against(ROOT, contract, options.against)
    except (ContractError, OSError) as error:
        print(f"generate-interface: {error}", file=sys.stderr)
        return 2
    if options.check or not options.against:
        good = write(ROOT, files, check=options.check) and good
    return 0 if good else 1


def write(root: Path, files: dict[Path, str], *, check: bool = False) -> bool:
    """Write the files that differ, or say which do. False when --check found some."""
    differing = [path for path, text in files.items() if not _holds(root / path, text.encode())]
    for path in differing:
        if check:
            print(f"generate-interface: {path} is not what {CONTRACT} says", file=sys.stderr)
        else:
            (root / path).write_bytes(files[path].encode())
            print(f"wrote {path}")
    return not (check and differing)


def against(root: Path, contract: Contract, version: str) -> bool:
    """Say what the contract changes since a released version. False when it may not.

    Raises ContractError or OSError when there is no such version, or it cannot be read.
    """
    version = released.find(root, version)
    return judge(version, contract.version, changes(released.contract(root, version), contract))


def judge(old: str, new: str, differences: Sequence[Change]) -> bool:
    """Print changes between two versions, and say whether the new one's number allows them."""
    allowed = may_break(old, new)
    for change in differences:
        line = f"{change}{_where(change)}"
        if not change.breaks:
            print(f"since {old}: {line}")
        elif allowed:
            print(f"since {old}, broken: {line}")
        else:
            print(f"generate-interface: breaks {old}: {line}", file=sys.stderr)
    broken = sum(change.breaks for change in differences)
    if broken and not allowed:
        print(
            f"generate-interface: what breaks callers of {old} needs a new method, type or member "
            f"beside the old one, or version {next_breaking(old)}; the contract is {new}",
            file=sys.stderr,
        )
        return False
    if broken:
        print(f"{new} breaks callers of {old} in {broken} places, as its number says")
    else:
        print(f"{new} keeps the promise of {old}")
    return True


def _where(change: Change) -> str:
    """Which methods a change touches, where its place does not say so."""
    names = {use: sorted(name for name, touched in change.calls if touched is use) for use in Use}
    if all(change.place.startswith(name) for name, _ in change.calls):
        return ""
    parts = [f"{use.value} of {', '.join(names[use])}" for use in Use if names[use]]
    return f" ({'; '.join(parts)})"


def read_contract(path: Path) -> Contract:
    """The contract in a YAML file. Raises ContractError or OSError."""
    return load(read_yaml(path.read_text(encoding="utf-8")))


def read_yaml(text: str) -> Any:
    """A YAML text's value. A key that is there twice is refused: the first would be lost."""
    try:
        import yaml
    except ImportError:
        raise ContractError("PyYAML is needed to read it: pip install pyyaml") from None

    class Loader(yaml.SafeLoader):
        """SafeLoader that refuses a key that is there twice."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for key in keys:
                if keys.count(key) > 1:
                    line = node.start_mark.line + 1
                    raise ContractError(f"line {line}: the key {key!r} is there twice")
            return super().construct_mapping(node, deep=deep)

    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ContractError(f"is not YAML: {' '.join(str(error).split())}") from error


def generated(contract: Contract) -> dict[Path, str]:
    """Every generated file with its text, but for the test data (see test_data.py)."""
    return {
        **{INTERFACE / name: text for name, text in package.render(contract).items()},
        Path("idl/xenops_cpu_interface.ml"): ocaml.render(contract),
        # The same for the dune project, which has to stand alone.
        Path("idl/ocaml/lib/xenops_cpu_interface.ml"): ocaml.render(contract),
        Path("idl/REFERENCE.md"): reference.render(contract),
        DOCUMENT: released.as_json(contract),
    }


def page(root: Path, contract: Contract) -> dict[Path, str]:
    """docs/callers.md with its table of methods. Raises ContractError or OSError."""
    try:
        return {CALLERS: reference.listed(contract, (root / CALLERS).read_text(encoding="utf-8"))}
    except ContractError as error:
        raise ContractError(f"{CALLERS}: {error}") from error


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
