"""Leaves, registers and policies as the data writes them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xenops_cpu.cpuid.identity import LeafKey, Registers
from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy


def load(path: Path) -> Any:
    """A JSON file, packed or not."""
    return json.loads(_text(path))


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Records of a file with one in each line, packed or not."""
    for line in _text(path).splitlines():
        if line.strip():
            yield json.loads(line)


def either(path: Path) -> Path:
    """A file, or the same packed."""
    packed = path.with_name(f"{path.name}.gz")
    return packed if packed.is_file() and not path.is_file() else path


def _text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def leaf(text: str) -> tuple[LeafKey, Registers]:
    """`leaf subleaf eax ebx ecx edx` in hex, `-` for no subleaf."""
    number, sub, *values = text.split()
    return (int(number, 16), subleaf(sub)), registers(values)


def subleaf(text: str) -> int:
    return NO_SUBLEAF if text == "-" else int(text, 16)


def registers(values: list[str]) -> Registers:
    a, b, c, d = (int(value, 16) for value in values)
    return a, b, c, d


def policy(record: Mapping[str, Any]) -> Policy:
    """`leaves` and `msrs` as texts, or as lists of hex numbers."""
    leaves: dict[LeafKey, Registers] = {}
    for entry in record["leaves"]:
        if isinstance(entry, str):
            key, values = leaf(entry)
        else:
            key, values = (int(entry[0], 16), int(entry[1], 16)), registers(entry[2:])
        leaves[key] = values
    msrs = (m.split() if isinstance(m, str) else m for m in record["msrs"])
    return Policy(leaves, {int(index, 16): int(value, 16) for index, value in msrs})
