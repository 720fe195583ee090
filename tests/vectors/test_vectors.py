"""idl/vectors: the reference answers them, the runner holds any program to them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from vector_tools import run as runner
from vector_tools.make import main as make
from xenops_cpu.vectors.answers import QUESTIONS, answer, answers

# Real processes, one a test: CI runs them.
pytestmark = pytest.mark.slow

FOLDER = ROOT / "idl" / "vectors"
REFERENCE = (sys.executable, "-m", "xenops_cpu.vectors")
CASES = list(runner.load(FOLDER, runner.QUESTIONS))


def run(*arguments: str) -> tuple[int, str, str]:
    """scripts/run-vectors in a process of its own."""
    done = subprocess.run(
        [str(ROOT / "scripts" / "run-vectors"), *arguments],
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['question']}-{case['id']}")
def test_the_reference(case: dict[str, Any]) -> None:
    """The package answers every case as Xen and libxc did."""
    assert list(runner.compare(case["answer"], answer(runner.asked(case)), "")) == []


def test_the_set() -> None:
    """Each question has cases, each case an id of its own, a sentence, a source; all is small."""
    assert {case["question"] for case in CASES} == set(QUESTIONS) == set(runner.QUESTIONS)
    assert len({(case["question"], case["id"]) for case in CASES}) == len(CASES)
    assert all(case["about"] and case["source"] for case in CASES)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_000_000
    page = (FOLDER / "README.md").read_text()
    assert all(f"| `{question}` |" in page for question in QUESTIONS)


def test_every_member_is_documented() -> None:
    """The page names what stands in `ask`, `create`, `vcpu` and the steps."""
    page = (FOLDER / "README.md").read_text()
    names: set[str] = set()
    for case in CASES:
        ask = case["ask"]
        for part in (ask, ask.get("create", {}), ask.get("vcpu", {}), ask.get("build", {})):
            names |= set(part)
        names |= set(ask.get("cpu", {}).get("params", {}))
        for step in ask.get("steps", []):
            names |= set(step) | set(next(iter(step.values())))
    assert {name for name in names if f"`{name}`" not in page and f'"{name}"' not in page} == set()


def test_the_runner_with_the_reference() -> None:
    """One process for all cases: all right, exit code 0."""
    code, text, errors = run("--lines", *REFERENCE)
    assert code == 0, errors
    assert text.splitlines()[-1] == f"all: {len(CASES)} of {len(CASES)} equal"


def two_levels(tmp_path: Path) -> tuple[str, ...]:
    """Options for a folder with two cases."""
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "cpus.jsonl").write_text("")
    lines = (FOLDER / "level.jsonl").read_text().splitlines()[:2]
    (folder / "level.jsonl").write_text("\n".join(lines))
    return "--vectors", str(folder), "--only", "level"


def test_a_process_a_case(tmp_path: Path) -> None:
    """Without --lines a program answers one case and ends."""
    code, text, _ = run(*two_levels(tmp_path), *REFERENCE)
    assert (code, text) == (0, "level: 2 of 2 equal\nall: 2 of 2 equal\n")


def program(tmp_path: Path, body: str) -> tuple[str, str]:
    """A program that reads cases a line, and does something with each `case`."""
    path = tmp_path / "program.py"
    path.write_text(
        "import json, sys, time\n"
        "for line in sys.stdin:\n"
        "    case = json.loads(line)\n" + "".join(f"    {line}\n" for line in body.splitlines())
    )
    return sys.executable, str(path)


def test_a_wrong_answer_is_told(tmp_path: Path) -> None:
    """With the case, what is wrong in it, and exit code 1."""
    wrong = program(tmp_path, 'print(json.dumps({"featureset": case["ask"]["featuresets"][0]}))')
    code, text, _ = run("--lines", "--only", "level", "--shown", "1", *wrong)
    assert code == 1
    assert text.startswith("level combine-")
    assert ".featureset is " in text
    assert text.count(", should be ") == 1


def test_questions_may_be_left(tmp_path: Path) -> None:
    """null is no wrong answer, but a program that answers nothing is not right."""
    silent = program(tmp_path, "print('null')")
    code, text, _ = run("--lines", "--only", "level", *silent)
    assert (code, text.splitlines()[-1]) == (1, "all: 0 of 0 equal")
    assert "level: 31 not answered" in text


@pytest.mark.parametrize(
    ("body", "options", "words"),
    [
        ("print('tea')", (), "no JSON: 'tea"),
        ("sys.exit('a fault')", (), "exit code 1: a fault"),
        ("time.sleep(60)", ("--timeout", "0.2", "--shown", "2"), "no answer within 0.2 s"),
    ],
)
def test_programs_that_fail(
    tmp_path: Path, body: str, options: tuple[str, ...], words: str
) -> None:
    """What went wrong is told, case by case."""
    made = program(tmp_path, body)
    code, text, _ = run(*two_levels(tmp_path), *options, *made)
    assert code == 1
    assert words in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no COMMAND"),
        (("/no/such/program",), "cannot be started"),
        (("--vectors", "/no/such/folder", "true"), "no vectors that can be read"),
        (("--lines", "true"), "0 answers to"),
    ],
)
def test_what_keeps_it_from_asking(arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2, and a sentence."""
    code, text, errors = run(*arguments)
    assert (code, text) == (2, "")
    assert words in errors


def test_a_case_to_look_at() -> None:
    """--print gives what a program reads: no answer, and the whole CPU."""
    code, text, _ = run("--print", "--only", "policies")
    case = json.loads(text.splitlines()[0])
    assert code == 0
    assert set(case) == {"id", "question", "ask"}
    assert case["ask"]["cpu"]["leaves"]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("tea", "Expecting value"),
        ("[]", "a case is an object"),
        ('{"question": "level"}', "ask: an object was expected"),
        ('{"question": "level", "ask": {}}', "ask.featuresets is missing"),
        ('{"question": "level", "ask": {"featuresets": 3}}', "a list was expected"),
        ('{"question": "level", "ask": {"featuresets": []}}', "at least one"),
        ('{"question": "level", "ask": {"featuresets": ["xy"], "release": "4.17"}}', "[0]"),
        ('{"question": "level", "ask": {"featuresets": ["00000001"], "release": "3.1"}}', "3.1"),
        ('{"question": "check", "ask": {"release": "4.17", "type": "xen"}}', '"pv" or "hvm"'),
        ('{"question": "policies", "ask": {"release": "4.17", "cpu": {}}}', "leaves is missing"),
        ('{"question": "policies", "ask": {"release": "4.17"}}', "ask.cpu is missing"),
    ],
)
def test_bad_cases(case: str, words: str) -> None:
    """An error names the member and what would be right; the next case is answered."""
    first, second = answers([case, "\n", '{"question": "tea"}'])
    assert words in json.loads(first)["error"]
    assert second == "null"


def changed(**members: object) -> dict[str, Any]:
    case = next(case for case in CASES if case["question"] == "cpuid")
    return {"question": "cpuid", "ask": {**case["ask"], **members}}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"create": {"type": "xen"}}, "is none of pv"),
        ({"create": {"type": "hvm", "hap": 3}}, "true or false"),
        ({"build": 3}, "ask.build"),
        ({"leaf": 3}, "hex digits"),
        ({"steps": {}}, "ask.steps"),
        ({"steps": [{"tea": {}}]}, "ask.steps[0].set is missing"),
        ({"steps": [{"set": {"leaves": [["1"]]}}]}, "a list of 6"),
        ({"steps": [{"apply": {"xend": [["1", "0", 3, None, None, None]]}}]}, "a text or null"),
        ({"create": {"type": "pv", "nested": True}}, "nested virtualisation"),
    ],
)
def test_bad_domains(members: dict[str, object], words: str) -> None:
    """The same for cases about a domain."""
    (found,) = answers([json.dumps(changed(**members))])
    assert words in json.loads(found)["error"]


@pytest.mark.slow
def test_they_are_made_of_the_golden_data(tmp_path: Path) -> None:
    """scripts/make-vectors writes what is there."""
    make(tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_text() == (FOLDER / path.name).read_text(), path.name
