"""The contracts that were released, and the golden calls of each: idl/released/.

VERSION.openrpc.json   the contract
VERSION.calls.jsonl    {"wire": ..., "files": [...], "body": ...} a line: every file of the test
                       data of that version, bodies that are in several files told once
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .compatibility import numbers
from .contract import load
from .document import ContractError
from .model import Contract

FOLDER = Path("idl/released")
CONTRACT, CALLS = ".openrpc.json", ".calls.jsonl"
NEWEST = "newest"


def versions(root: Path) -> list[str]:
    """Every version that was released, the oldest first."""
    paths = (root / FOLDER).glob(f"*{CONTRACT}")
    return sorted((path.name.removesuffix(CONTRACT) for path in paths), key=numbers)


def find(root: Path, version: str) -> str:
    """The version, or the newest one. Raises ContractError naming those that are there."""
    known = versions(root)
    if version == NEWEST and known:
        return known[-1]
    if version not in known:
        raise ContractError(
            f"{FOLDER}: there is no {version}; {', '.join(known) or 'nothing'} was released"
        )
    return version


def contract(root: Path, version: str) -> Contract:
    """The contract of a released version. Raises ContractError or OSError."""
    path = root / FOLDER / f"{version}{CONTRACT}"
    try:
        return load(json.loads(path.read_text("utf-8")))
    except ValueError as error:
        raise ContractError(f"{path}: {error}") from error


def calls(root: Path, version: str) -> dict[str, dict[str, bytes]]:
    """The golden files of a released version: by wire, then by name. Raises ContractError."""
    path = root / FOLDER / f"{version}{CALLS}"
    files: dict[str, dict[str, bytes]] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            entry: dict[str, Any] = json.loads(line)
            body = entry["body"].encode("utf-8")
            for name in entry["files"]:
                files.setdefault(entry["wire"], {})[name] = body
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ContractError(
                f"{path}: line {number}: wire, files and body are expected: {error!r}"
            ) from error
    return files


def frozen(contract: Contract, files: Mapping[str, Mapping[str, bytes]]) -> dict[Path, str]:
    """What is kept of a version, by path below the root. `files` are as `calls` gives them."""
    return {
        FOLDER / f"{contract.version}{CONTRACT}": as_json(contract),
        FOLDER / f"{contract.version}{CALLS}": "".join(_lines(files)),
    }


def as_json(contract: Contract) -> str:
    """The contract's document as text, the same for the service and for keeping."""
    return json.dumps(contract.document, indent=1, ensure_ascii=False) + "\n"


def _lines(files: Mapping[str, Mapping[str, bytes]]) -> Iterator[str]:
    for wire, bodies in files.items():
        names: dict[bytes, list[str]] = {}
        for name, body in bodies.items():
            names.setdefault(body, []).append(name)
        for body, same in names.items():
            entry = {"wire": wire, "files": same, "body": body.decode("utf-8")}
            yield json.dumps(entry) + "\n"
