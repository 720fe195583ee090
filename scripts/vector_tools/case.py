"""A case, a CPU of a case, and where the reference answers are."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden"
DUMPS = GOLDEN / "vm" / "corpus" / "dumps.jsonl.gz"
COMPILED = "Xen's functions, compiled, on a dump of InstLatx64 or libcpuid"
INERT = {"registers": "inert", "sbpb": 1, "null_seg_clears_base": 1, "smt": 0}

Case = dict[str, Any]
# What a case shows, and the case.
Candidate = tuple[frozenset[Hashable], Case]


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Those of a file with one in each line."""
    return map(json.loads, path.read_text().splitlines())


def case_cpu(name: str, record: Mapping[str, Any], params: Mapping[str, Any]) -> Case:
    kept = {key: record[key] for key in ("leaves", "msrs", "microcode") if record.get(key)}
    known = ("cmdline", "ucode", "hvm", "ept", "smt", "sbpb", "null_seg_clears_base", "msrs",
             "registers")  # fmt: skip
    parameters = {
        key: params[key] for key in known if params.get(key) is not None and params[key] != ""
    }
    return {"name": name, **kept, "params": parameters}


def new_case(
    question: str, identity: object, about: str, source: str, ask: Case, want: Any
) -> Case:
    return {
        "id": str(identity), "question": question, "about": about, "source": source,
        "ask": ask, "answer": want,
    }  # fmt: skip
