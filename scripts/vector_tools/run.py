"""scripts/run-vectors: hold a program to the test vectors of idl/vectors.

The program is started once for each case: it reads the case, one line of JSON, from standard input
and writes the answer as JSON to standard output. With --lines it is started once: it reads a case a
line and writes an answer a line. An answer of null says that it does not answer such questions.

What an answer has beside the members of the expected one is not looked at.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    Case = dict[str, Any]


FOLDER = Path(__file__).resolve().parent.parent.parent / "idl" / "vectors"
QUESTIONS = ("level", "check", "featuresets", "policies", "domain", "cpuid")
SHOWN = 10
LONGEST = 160

EXAMPLES = """examples:
  scripts/run-vectors --lines .venv/bin/python -m xenops_cpu.vectors
  scripts/run-vectors --only level --only check ./my-levels
  scripts/run-vectors --print --only domain | head -1     # a case as a program reads it

exit codes: 0 all that was answered is right, 1 something is not, or nothing was answered, 2 wrong
use, or the program or the vectors cannot be read
"""


class Trouble(Exception):
    """What keeps the runner from asking."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        cases = list(load(options.vectors, options.only or QUESTIONS))
        if options.print:
            for case in cases:
                print(json.dumps(asked(case), separators=(",", ":")))
            return 0
        ask = in_one_go if options.lines else one_by_one
        return judge(cases, ask(command(options), cases, options.timeout), options.shown)
    except Trouble as trouble:
        print(f"scripts/run-vectors: {trouble}", file=sys.stderr)
        return 2


def command(options: argparse.Namespace) -> list[str]:
    if not options.command:
        raise Trouble("no COMMAND: --help says what one does")
    words: list[str] = options.command
    return words


def parser() -> argparse.ArgumentParser:
    command_line = argparse.ArgumentParser(
        prog="scripts/run-vectors", description=__doc__, epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    command_line.add_argument(
        "--vectors", type=Path, default=FOLDER, metavar="DIR", help="another folder"
    )
    command_line.add_argument(
        "--only", action="append", choices=QUESTIONS, help="these questions only"
    )
    command_line.add_argument("--lines", action="store_true", help="one process for all cases")
    command_line.add_argument(
        "--timeout", type=float, default=60, metavar="S", help="for an answer (60)"
    )
    command_line.add_argument(
        "--shown", type=int, default=SHOWN, metavar="N", help="mismatches told (10)"
    )
    command_line.add_argument("--print", action="store_true", help="print the cases and ask nobody")
    command_line.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    return command_line


def load(folder: Path, questions: Sequence[str]) -> Iterator[Case]:
    """The cases with their CPUs put in."""
    try:
        cpus = {cpu["name"]: cpu for cpu in lines(folder / "cpus.jsonl")}
        for question in questions:
            path = folder / f"{question}.jsonl"
            for case in lines(path):
                cpu = case["ask"].get("cpu")
                if cpu is not None:
                    case["ask"]["cpu"] = {**cpus[cpu["name"]], **cpu}
                yield case
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Trouble(f"{folder} has no vectors that can be read: {error!r}") from error


def lines(path: Path) -> list[Case]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def asked(case: Case) -> Case:
    """What the program is given: all but the answer."""
    return {name: case[name] for name in ("id", "question", "ask")}


def one_by_one(command: list[str], cases: list[Case], timeout: float) -> Iterator[Any]:
    """An answer for each case, of a process of its own; a text where there is none."""
    for case in cases:
        text, trouble = output(command, json.dumps(asked(case)) + "\n", timeout)
        yield trouble or read(text)


def in_one_go(command: list[str], cases: list[Case], timeout: float) -> Iterator[Any]:
    """The same of one process."""
    text, trouble = output(
        command, "".join(json.dumps(asked(case)) + "\n" for case in cases), timeout * len(cases)
    )
    lines = [line for line in text.splitlines() if line.strip()]
    if trouble or len(lines) != len(cases):
        raise Trouble(trouble or f"{len(lines)} answers to {len(cases)} cases")
    return map(read, lines)


def output(command: list[str], text: str, timeout: float) -> tuple[str, str]:
    """What a process writes, and what went wrong with it."""
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=timeout, check=False
        )
    except OSError as error:
        raise Trouble(f"{command[0]} cannot be started: {error}") from error
    except subprocess.TimeoutExpired:
        return "", f"no answer within {timeout:g} s"
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["nothing on standard error"]
        return done.stdout, f"exit code {done.returncode}: {last[0]}"
    return done.stdout, ""


def read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return f"no JSON: {text[:LONGEST]!r}"


def judge(cases: list[Case], answers: Iterable[Any], shown: int) -> int:
    """Say how many are right and what the first wrong ones are; gives the exit code."""
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    declined: Counter[str] = Counter()
    for case, answer in zip(cases, answers):  # noqa: B905 - Python 3.7 has no strict
        question = case["question"]
        if answer is None:
            declined[question] += 1
            continue
        differences = list(compare(case["answer"], answer, ""))
        (wrong if differences else right)[question] += 1
        if differences and sum(wrong.values()) <= shown:
            print(f"{question} {case['id']}: {case['about']}")
            for text in differences[:3]:
                print(f"    {text[: 2 * LONGEST]}")
    for question in QUESTIONS:
        count = right[question] + wrong[question]
        if count:
            print(f"{question}: {right[question]} of {count} equal")
        if declined[question]:
            print(f"{question}: {declined[question]} not answered")
    answered = sum(right.values()) + sum(wrong.values())
    print(f"all: {sum(right.values())} of {answered} equal")
    return 0 if answered and not wrong else 1


def compare(expected: Any, answer: Any, where: str) -> Iterator[str]:
    """A sentence for each difference; what a found object has beside that is passed over."""
    if isinstance(expected, dict) and isinstance(answer, dict):
        for name, value in expected.items():
            if name not in answer:
                yield f"{where}.{name} is missing"
            else:
                yield from compare(value, answer[name], f"{where}.{name}")
    elif isinstance(expected, list) and isinstance(answer, list):
        if len(expected) != len(answer):
            yield f"{where}: {len(answer)} entries, should be {len(expected)}"
        for index, (mine, theirs) in enumerate(zip(expected, answer)):  # noqa: B905
            if mine != theirs:
                yield from compare(mine, theirs, f"{where}[{index}]")
    elif expected != answer:
        yield f"{where or 'the answer'} is {json.dumps(answer)}, should be {json.dumps(expected)}"


if __name__ == "__main__":
    sys.exit(main())
