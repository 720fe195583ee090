"""scripts/idl-test-data: makes what the genuine harness makes, and verifies more than it does."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from idl_tools import samples
from idl_tools.contract import load
from idl_tools.model import Basic, DictOf, ListOf, Member, Record, Tag, TupleOf, Variant
from idl_tools.test_data import FORMS, generate, verify
from tests import ROOT
from tests.support.recorded import SHARED_HARNESS
from xenops_cpu.wire import JSONRPC, XMLRPC
from xenops_cpu.wire.dispatch import document

# Real processes, one a test: CI runs them.
pytestmark = pytest.mark.slow

CONTRACT = load(document())
GOLDEN = ROOT / "idl" / "test_data"
# Of each wire: all that the contract makes.
FILES = len(generate(CONTRACT, XMLRPC))
WIRES = [XMLRPC, JSONRPC]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """scripts/idl-test-data, in the Python that runs the tests."""
    command = [sys.executable, "-m", "idl_tools.test_data", *map(str, arguments)]
    path = {"PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}"}
    return subprocess.run(command, env=path, capture_output=True, text=True, check=False)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("wire", WIRES)
def test_the_golden_files_are_current(wire: str) -> None:
    """The files that are checked in are the ones that the contract makes, no more and no fewer."""
    assert files_of(GOLDEN / wire) == generate(CONTRACT, wire)


@pytest.mark.parametrize("wire", WIRES)
def test_the_golden_files_verify(wire: str) -> None:
    """Every golden file reads by its types and is the same value again."""
    problems, good = verify(GOLDEN / wire, wire)
    assert problems == []
    assert good == len(files_of(GOLDEN / wire)) == FILES


@pytest.mark.skipif(not SHARED_HARNESS.is_dir(), reason=f"{SHARED_HARNESS} is not there")
@pytest.mark.parametrize("wire", WIRES)
def test_the_genuine_harness_made_the_same(wire: str) -> None:
    """The genuine generator's files verify and are ours byte for byte, but for the ids of calls.

    It numbers calls through all methods of an interface, and has only those that are xenopsd's too.
    """
    problems, good = verify(SHARED_HARNESS / wire, wire)
    genuine, ours = files_of(SHARED_HARNESS / wire), generate(CONTRACT, wire)
    assert (problems, good) == ([], len(genuine))
    methods = {method_of(name) for name in genuine}
    assert len(methods) == 5
    assert genuine.keys() == {name for name in ours if method_of(name) in methods}
    for name, content in genuine.items():
        if wire == JSONRPC and name.startswith("requests/"):
            mine, theirs = ours[name].rpartition(b',"id":'), content.rpartition(b',"id":')
            assert mine[0] == theirs[0]
        else:
            assert ours[name] == content


def test_a_method_more_adds_files_and_changes_none() -> None:
    """Each file of a method is the same whatever other methods the contract has, and where."""
    more = deepcopy(document())
    method = deepcopy(next(m for m in more["methods"] if m["name"] == "POOL.level"))
    more["methods"].insert(0, method | {"name": "HOST.another"})
    wider = load(more)
    for wire in WIRES:
        before, after = generate(CONTRACT, wire), generate(wider, wire)
        assert before.items() < after.items()
        assert {method_of(name) for name in after.keys() - before.keys()} == {"HOST.another"}


def test_calls_are_numbered_within_their_method() -> None:
    """The id of a JSON request is its number and one."""
    files = generate(CONTRACT, JSONRPC)
    assert files["requests/POOL.plan.request.7"].endswith(b',"id":8}')
    assert files["requests/query.request.0"].endswith(b',"id":1}')


def method_of(name: str) -> str:
    """The method of a file, such as requests/HOST.stat.request.0."""
    return name.partition("/")[2].rpartition(".")[0].rpartition(".")[0]


def record(**types: Any) -> Record:
    return Record("R", "r", "d", tuple(Member(n, t, "d", True) for n, t in types.items()))


TEXT, BOOL = Basic("string"), Basic("bool")


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        (TEXT, ["h"]),
        (BOOL, [True, False]),
        (Basic("int"), [0]),
        (Basic("float"), [0.0]),
        (Basic("unit"), [None]),
        (ListOf(BOOL), [[True, False], []]),
        # One pair each, and never an empty one.
        (DictOf(TEXT), [{"h": "h"}]),
        (DictOf(BOOL), [{"h": True}, {"h": False}]),
        (
            TupleOf((BOOL, BOOL)),
            [[True, True], [False, True], [True, False], [False, False]],
        ),
        (
            TupleOf((BOOL, TEXT, BOOL)),
            [[True, "h", True], [False, "h", True], [True, "h", False], [False, "h", False]],
        ),
        (
            record(a=BOOL, b=BOOL),
            [
                {"b": True, "a": True},
                {"b": True, "a": False},
                {"b": False, "a": True},
                {"b": False, "a": False},
            ],
        ),
        (
            Record("R", "r", "d", (Member("a", TEXT, "d", False),)),
            [{"a": "a"}, {}],
        ),
        # An option is a level of its own: what is in it is thinned one level sooner.
        (
            record(a=record(b=BOOL)),
            [{"a": {"b": True}}, {"a": {"b": False}}],
        ),
        (
            record(
                a=Record("I", "i", "d", (Member("b", ListOf(BOOL), "d", False),)),
            ),
            [{"a": {"b": [True]}}, {"a": {}}],
        ),
        # Three levels down only the first of several values is left.
        (ListOf(ListOf(ListOf(BOOL))), [[[[True], []], []], []]),
        (
            Variant(
                "V",
                "v",
                "d",
                (Tag("A", None, (), "d", "A"), Tag("B", BOOL, ("b",), "d", "B")),
                None,
            ),
            ["A", ["B", True], ["B", False]],
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_samples_come_in_rpclibs_order(type_: Any, values: list[Any]) -> None:
    """Each kind of type gives the values, in the order, that rpclib's own generator gives."""
    assert samples.samples(type_, "h") == values


def test_products_go_by_diagonals() -> None:
    """Pairs are walked as OCaml's Seq.product walks them, each once."""
    assert samples.diagonals([1, 2, 3], ["a", "b"]) == [
        *((1, "a"), (2, "a"), (1, "b")),
        *((3, "a"), (2, "b"), (3, "b")),
    ]
    assert samples.diagonals([], [1]) == []


def test_generate_and_verify_from_the_command_line(tmp_path: Path) -> None:
    """generate fills a folder that verify accepts; both say what they did."""
    done = run("generate", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for wire in WIRES:
        assert files_of(tmp_path / wire) == files_of(GOLDEN / wire)
    done = run("verify", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{FILES} files verify, 0 problems" in done.stdout


def test_generate_removes_what_it_no_longer_makes(tmp_path: Path) -> None:
    """A file with a number too high goes, and is counted; what has no name of the layout stays."""
    run("generate", tmp_path)
    stale = tmp_path / "xmlrpc/requests/HOST.stat.request.1"
    stale.write_text("")
    kept = tmp_path / "xmlrpc/requests/README"
    kept.write_text("")
    done = run("generate", tmp_path)
    assert f"xmlrpc: {FILES} files, 1 that it no longer makes removed\n" in done.stdout
    assert f"jsonrpc: {FILES} files\n" in done.stdout
    assert (stale.exists(), kept.exists()) == (False, True)


def test_one_wire_may_stand_alone(tmp_path: Path) -> None:
    """With --wire, DIR may hold requests/ and responses/ itself, as xapi-idl's folders do."""
    done = run("generate", tmp_path, "--wire", "xmlrpc")
    assert done.returncode == 0
    assert not (tmp_path / "jsonrpc").exists()
    assert run("verify", tmp_path / "xmlrpc", "--wire", "xmlrpc").returncode == 0
    done = run("verify", tmp_path)
    assert done.returncode == 1
    assert f"{tmp_path / 'jsonrpc'}: there is no such folder" in done.stderr


def test_wrong_usage_has_its_own_exit_code(tmp_path: Path) -> None:
    """A wrong command, or a folder that cannot be written, is exit code 2 without a traceback."""
    (tmp_path / "file").write_text("")
    for arguments in (["destroy", tmp_path], [], ["generate", tmp_path / "file"]):
        done = run(*arguments)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert done.stderr.splitlines()[-1].startswith("idl-test-data: ")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("responses/query.response.51", "failure:Made_up", "the contract has no error Made_up"),
        ("responses/query.response.52", "failure:Made_up", "query.response.51 is missing"),
        ("responses/query.response.51", "junk", ""),
        ("responses/query.response.51", "success:text", "expected a struct (QueryResult)"),
        ("requests/query.request.1", "call:HOST.stat", "calls HOST.stat"),
        ("requests/query.request.1", "call:query", "parameter debug_info is missing"),
        ("requests/HOST.nothing.request.0", "call:x", "the contract has no method HOST.nothing"),
        ("requests/query.response.0", "junk", "not one of requests/<METHOD>.request.<n>"),
        ("requests/query.request.01", "junk", "not one of requests/<METHOD>.request.<n>"),
        ("responses/deeper/query.response.51", "junk", "not one of requests/<METHOD>.request.<n>"),
        ("notes.txt", "junk", "not one of requests/<METHOD>.request.<n>"),
    ],
)
def test_verify_reports_what_is_wrong(
    tmp_path: Path, wire: str, name: str, content: str, problem: str
) -> None:
    """Each kind of wrong file is reported, by its path, and nothing else is."""
    form = FORMS[wire]
    kind, _, value = content.partition(":")
    body = {
        "failure": form.dump_failure([value, 1]),
        "success": form.dump_success(value),
        "call": form.dump_call(value, [{}]),
        "junk": b"junk",
    }[kind]
    path = write(tmp_path, some(wire) | {name: body}) / name
    problems, good = verify(tmp_path, wire)
    assert good == SOME_FILES
    assert str(path) in problems[0]
    assert problem in "\n".join(problems)


@pytest.mark.parametrize("wire", WIRES)
def test_verify_reports_what_is_missing(tmp_path: Path, wire: str) -> None:
    """A gap in the numbers, and a method with only one kind of file, are reported."""
    files = some(wire)
    del files["responses/query.response.7"]
    del files["requests/HOST.stat.request.0"]
    problems, good = verify(write(tmp_path, files), wire)
    assert good == SOME_FILES - 2
    assert problems == [
        f"{tmp_path / 'responses'}: query.response.7 is missing among later ones",
        f"{tmp_path}: HOST.stat has responses but no requests",
    ]


def test_an_empty_folder_does_not_verify(tmp_path: Path) -> None:
    """A folder without files is a problem, not a success."""
    assert verify(tmp_path, XMLRPC) == ([f"{tmp_path}: holds no requests and no responses"], 0)


def test_old_files_with_more_members_verify(tmp_path: Path) -> None:
    """A file with a member that the contract no longer has is readable, so it verifies."""
    files = some(XMLRPC)
    old = files["responses/query.response.0"].replace(
        b"<member><name>name<",
        b"<member><name>colour</name><value>red</value></member><member><name>name<",
    )
    assert old != files["responses/query.response.0"]
    files["responses/query.response.0"] = old
    assert verify(write(tmp_path, files), XMLRPC) == ([], SOME_FILES)


def some(wire: str) -> dict[str, bytes]:
    """The files of two methods: a folder need not have all."""
    names = ("query", "HOST.stat")
    files = generate(CONTRACT, wire)
    return {name: body for name, body in files.items() if method_of(name) in names}


SOME_FILES = len(some(XMLRPC))


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
