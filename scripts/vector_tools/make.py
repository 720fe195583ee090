"""scripts/make-vectors: choose idl/vectors out of tests/golden.

The answers are Xen's and libxc's own, as tests/golden has them; of `check` those that only xapi's
rule decides. The choice is greedy: as few cases as let each step that changes something, each
refusal and each release have one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .case import GOLDEN, ROOT, Candidate, Case
from .domains import domains, instructions
from .hosts import featuresets, policies
from .pools import checks, levels

TARGET = ROOT / "idl" / "vectors"
MOST = {"featuresets": 34, "policies": 5, "domain": 60, "cpuid": 70}


def chosen(candidates: Iterable[Candidate], most: int) -> list[Case]:
    """The fewest that show everything, at most `most`, those that show more first."""
    left = sorted(candidates, key=lambda candidate: len(json.dumps(candidate[1])))
    cases: list[Case] = []
    shown: set[Hashable] = set()
    while left and len(cases) < most:
        best = max(left, key=lambda candidate: len(candidate[0] - shown))
        if not best[0] - shown:
            break
        shown |= best[0]
        cases.append(best[1])
        left.remove(best)
    return sorted(cases, key=lambda case: str(case["id"]))


class Cpus:
    """The CPUs that cases name, each written once."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}

    def add(self, name: str, cpu: Mapping[str, Any]) -> str:
        self.known.setdefault(name, {"name": name, **cpu})
        return name


def named(cases: Iterable[Case], cpus: Cpus) -> Iterator[Case]:
    """Cases whose CPU stands in cpus.jsonl, all but its params."""
    for case in cases:
        cpu = case["ask"].get("cpu")
        if cpu is not None:
            own = {key: value for key, value in cpu.items() if key not in ("name", "params")}
            name = cpus.add(cpu["name"], own)
            params = {"params": cpu["params"]} if cpu.get("params") else {}
            case = {**case, "ask": {**case["ask"], "cpu": {"name": name, **params}}}
        yield case


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cpus = Cpus()
    makers: dict[str, Callable[[], Iterator[Candidate]]] = {
        "featuresets": featuresets, "policies": policies, "domain": domains, "cpuid": instructions,
    }  # fmt: skip
    files = {name: list(named(chosen(make(), MOST[name]), cpus)) for name, make in makers.items()}
    files["level"], files["check"] = list(levels(GOLDEN)), list(checks(GOLDEN))
    files["cpus"] = list(cpus.known.values())
    for name, records in files.items():
        text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(text)
        print(f"{name}: {len(records)}, {len(text) >> 10} KiB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
