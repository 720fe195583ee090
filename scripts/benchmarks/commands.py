"""Commands from the prompt to their exit, against Python's own start in the same run.

The peer is `python -I -c pass` of the same interpreter: what no program in Python can go below.
Whole processes, in turn, many times. What counts is the least processor time of each: on a quiet
machine it is what a person waits for, on a busy one it is not doubled by whoever else computes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TURNS = 20
START = [sys.executable, "-I", "-c", "pass"]
PROGRAM = str(Path(sys.executable).with_name("xenops-cpu"))
FEATURESET = "1fc9cbf5-f6f83203-2fd3fbff-2c100800-00000001-00000000-00000000-00000000-00000000"
OTHER = "1fc9cbf5-f6f83203-2fd3fbff-2c100800-00000001-00000020-00000000-00000000-00000000"
HOSTS = ("cpu:xeon-gold-6240@4.17", "cpu:xeon-e5-2696-v4@4.17")
# Exit codes of a command that did not do its work; the others are answers.
FAILURES = (2, 3, 70)
# As where it is installed: modules are compiled once, at the latest by the first run.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

# What is typed, and the most that it may take as a multiple of Python's start.
COMMANDS = {
    "decode of a featureset": (["decode", FEATURESET], 3),
    "decode of a word": (["decode", "word 1 of 7ed8320b"], 3),
    "explain of a feature": (["explain", "HLE"], 3),
    "diff of two featuresets": (["diff", FEATURESET, OTHER], 3),
    "check of two simulated hosts": (["check", *HOSTS], 6),
    "level of two simulated hosts": (["level", *HOSTS], 6),
    "info of an example": (["info", "--source", "example:epyc-xen-4.17"], 6),
}


def measure(only: str) -> Iterator[dict[str, object]]:
    """Rows for scripts/bench: name, unit, figure, the start's figure, ratio, aim."""
    for name, (arguments, most) in COMMANDS.items():
        if only not in f"commands: {name}":
            continue
        command = [PROGRAM, *arguments]
        milliseconds(command), milliseconds(START)  # warm up
        turns = [(milliseconds(command), milliseconds(START)) for _ in range(TURNS)]
        ours, theirs = map(min, zip(*turns, strict=True))
        yield {
            "name": name,
            "unit": "ms",
            "service": ours,
            "peer": "Python's start",
            "peer_figure": theirs,
            "ratio": ours / theirs,
            "aim": f"<= {most}",
        }


def milliseconds(command: list[str]) -> float:
    """The processor time of a whole process. Raises CalledProcessError for one that fails."""
    null = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=null, stdout=null, env=ENVIRONMENT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode in FAILURES or process.returncode < 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return (usage.ru_utime + usage.ru_stime) * 1e3
