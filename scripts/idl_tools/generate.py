"""scripts/generate-interface: write, or check, every file that is made from the contract."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from . import ocaml, python, reference
from .contract import ContractError, load
from .model import Contract

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = Path("idl/xenops_cpu.openrpc.yaml")
DOCUMENT = Path("xenops_cpu/data/openrpc.json")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="generate-interface", description="Make everything that follows from the contract."
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file differs"
    )
    check = parser.parse_args(arguments).check
    try:
        files = generated(read_contract(ROOT / CONTRACT))
    except (ContractError, OSError) as error:
        print(f"generate-interface: {CONTRACT}: {error}", file=sys.stderr)
        return 2
    differing = [
        path for path, text in files.items() if not _holds(ROOT / path, text.encode("utf-8"))
    ]
    for path in differing:
        if check:
            print(f"generate-interface: {path} is not what {CONTRACT} says", file=sys.stderr)
        else:
            (ROOT / path).write_bytes(files[path].encode("utf-8"))
            print(f"wrote {path}")
    return 1 if check and differing else 0


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
        Path("xenops_cpu/interface.py"): python.render(contract),
        Path("idl/xenops_cpu_interface.ml"): ocaml.render(contract),
        # The same for the dune project, which has to stand alone.
        Path("idl/ocaml/lib/xenops_cpu_interface.ml"): ocaml.render(contract),
        Path("idl/REFERENCE.md"): reference.render(contract),
        DOCUMENT: json.dumps(contract.document, indent=1, ensure_ascii=False) + "\n",
    }


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
