"""Hold what the tests reach to what is asked for: scripts/coverage runs this after the tests.

1. Of all lines of the package, LINES per cent. (A few more are reached by processes that tests kill
   or leave without files, which cannot write down what they did: how many depends on the run.)
2. Of the rooms of facts (PURE), each line and each branch: values go in and come out there, so that
   nothing keeps a test from reaching it. What the quick tests leave out of them is in EXCEPTIONS,
   by file, with the reason; everything else in those rooms has to be reached.

Prints what is missing by file; `20->25` is a branch between two lines that was never taken.
What cannot be reached on a machine like this is not counted: setup.cfg lists it.

Exit codes: 0 the gate holds, 1 it does not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
LINES = 95.0
PURE = ("features", "cpuid", "hosts", "derivation", "pools", "explain")
# Files of the rooms of facts that need not be reached whole, each with the reason.
EXCEPTIONS: dict[str, str] = {}


def main() -> int:
    command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", "-"]
    process = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    report = json.loads(process.stdout)
    incomplete = []
    for name, file in sorted(report["files"].items()):
        missing = ", ".join(missing_of(file))
        if missing:
            pure = is_pure(name)
            reason = EXCEPTIONS.get(name.removeprefix("xenops_cpu/"), "") if pure else ""
            incomplete += [name] * (pure and not reason)
            mark = "!" if pure and not reason else " "
            print(f"{mark} {name}: {missing}{f' ({reason})' if reason else ''}")
    totals = report["totals"]
    lines = 100 * totals["covered_lines"] / totals["num_statements"]
    branches = 100 * totals["covered_branches"] / totals["num_branches"]
    print(
        f"lines {lines:.2f} % ({totals['missing_lines']} of {totals['num_statements']} missing), "
        f"branches {branches:.2f} % ({totals['missing_branches']} of {totals['num_branches']})"
    )
    if lines < LINES:
        print(f"less than {LINES} % of the lines: write the tests that are missing")
    if incomplete:
        print(f"{len(incomplete)} files of {', '.join(PURE)} (!) are not reached whole")
    return int(lines < LINES or bool(incomplete))


def is_pure(name: str) -> bool:
    return name.removeprefix("xenops_cpu/").startswith(tuple(f"{room}/" for room in PURE))


def missing_of(file: dict[str, Any]) -> list[str]:
    """Lines, runs of them as 20-25, and branches between lines that were both reached."""
    lines: list[int] = file["missing_lines"]
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    texts = [f"{first}-{last}" if last > first else str(first) for first, last in runs]
    for start, end in file["missing_branches"]:
        if start not in lines and end not in lines:
            texts.append(f"{start}->{'exit' if end < 0 else end}")
    return texts


if __name__ == "__main__":
    sys.exit(main())
