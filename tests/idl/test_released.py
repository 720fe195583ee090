"""idl/released/: what was released is read for ever, and releasing keeps the promise."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from idl_tools import released
from idl_tools.compatibility import Use, changes, may_break, next_breaking, numbers
from idl_tools.contract import ContractError, load
from idl_tools.generate import CONTRACT
from idl_tools.release import release
from idl_tools.test_data import FORMS, generate, written_again
from tests import ROOT
from xenops_cpu import __version__
from xenops_cpu.wire import JSONRPC
from xenops_cpu.wire.dispatch import document

# Real processes, one a test: CI runs them.
pytestmark = pytest.mark.slow

VERSIONS = released.versions(ROOT)
NOW = load(document())
# Versions to come, for the tests that compare and release.
HERE = NOW.version
_MAJOR, _MINOR, _PATCH = numbers(HERE)
PATCH, BREAKING, MAJOR = f"{_MAJOR}.{_MINOR}.{_PATCH + 1}", next_breaking(HERE), f"{_MAJOR + 1}.0.0"


@cache
def calls(version: str) -> dict[str, dict[str, bytes]]:
    return released.calls(ROOT, version)


# ---- what was released ------------------------------------------------------------------------


def test_the_first_version_is_kept() -> None:
    """0.2.0 is there, and every version has its contract and its calls."""
    assert VERSIONS[0] == "0.2.0"
    for version in VERSIONS:
        assert released.contract(ROOT, version).version == version
        assert calls(version).keys() == FORMS.keys()


def test_the_program_and_its_contract_have_one_version() -> None:
    """The version that the service says is that of its contract, and not an older one."""
    assert document()["info"]["version"] == __version__
    assert numbers(__version__) >= numbers(VERSIONS[-1])


@pytest.mark.parametrize("version", VERSIONS)
def test_every_call_of_a_release_is_kept(version: str) -> None:
    """Each method of a released contract has requests and responses on both wires, from 0 on."""
    contract = released.contract(ROOT, version)
    for files in calls(version).values():
        for method in contract.methods:
            for kind in ("request", "response"):
                names = [
                    name for name in files if name.startswith(f"{kind}s/{method.name}.{kind}.")
                ]
                assert sorted(int(name.rpartition(".")[2]) for name in names) == list(
                    range(len(names))
                )
                assert names


@pytest.mark.parametrize("version", VERSIONS)
def test_the_contract_keeps_the_promise_of_a_release(version: str) -> None:
    """Nothing breaks a released version but what the version's number says."""
    broken = [
        str(change) for change in changes(released.contract(ROOT, version), NOW) if change.breaks
    ]
    assert not broken or may_break(version, NOW.version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("wire", FORMS)
def test_golden_calls_of_a_release_are_read_for_ever(version: str, wire: str) -> None:
    """Each file of a release reads by today's types, and nothing of it is lost.

    But for calls that today's contract breaks, which a greater version may do.
    """
    broken = {
        call
        for change in changes(released.contract(ROOT, version), NOW)
        if change.breaks
        for call in change.calls
    }
    read = 0
    for name, body in calls(version)[wire].items():
        kind, _, file = name.partition("/")
        method = file.rpartition(".")[0].rpartition(".")[0]
        if (method, Use(kind)) in broken:
            continue
        parse = FORMS[wire].parse_call if kind == "requests" else FORMS[wire].parse_response
        assert parse(written_again(wire, name, body)) == parse(body), name
        read += 1
    assert read or broken


def test_what_reads_golden_calls_sees_a_loss() -> None:
    """A member that today's types do not have is not there any more when it is written again."""
    body = calls("0.2.0")[JSONRPC]["responses/query.response.0"]
    old = body.replace(b'"name":', b'"colour":"red","name":')
    again = written_again(JSONRPC, "responses/query.response.0", old)
    form = FORMS[JSONRPC]
    assert form.parse_response(again) == form.parse_response(body)
    assert form.parse_response(again) != form.parse_response(old)


@cache
def frozen_now() -> dict[Path, str]:
    return released.frozen(NOW, {wire: generate(NOW, wire) for wire in FORMS})


# ---- comparing from the command line ----------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the scripts read and write, in a folder where today's version is released."""
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("scripts/idl_tools", "xenops_cpu/interface"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    for name in (
        *(
            str(CONTRACT),
            "docs/callers.md",
            "CHANGELOG.md",
            "idl/REFERENCE.md",
            "idl/xenops_cpu_interface.ml",
        ),
        *("xenops_cpu/version.py", "xenops_cpu/data/openrpc.json"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for path in (ROOT / "idl").glob("ocaml/lib/*.ml"):
        (tmp_path / "idl/ocaml/lib").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "idl/ocaml/lib")
    (tmp_path / "idl/released").mkdir()
    for file, text in frozen_now().items():
        (tmp_path / file).write_text(text, "utf-8")
    return tmp_path


def edit(checkout: Path, before: str, after: str) -> None:
    """Replace the first place of a text in the contract."""
    text = (checkout / CONTRACT).read_text("utf-8")
    assert before in text
    (checkout / CONTRACT).write_text(text.replace(before, after, 1), "utf-8")


def version_of(checkout: Path, version: str) -> None:
    edit(checkout, f"  version: {HERE}\n", f"  version: {version}\n")


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """scripts/generate-interface of that folder, in the Python that runs the tests."""
    pytest.importorskip("yaml", reason="the generator reads the contract with PyYAML")
    command = [sys.executable, "-m", "idl_tools.generate", *arguments]
    path = {"PYTHONPATH": f"{checkout / 'scripts'}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, env=path, cwd=ROOT, capture_output=True, text=True, check=False)


BROKEN = ("cpu_count: {type: integer,", "cpu_count: {type: string,")
ADDED = (
    "        hvm: {type: boolean, description: 'True when Xen can run HVM guests.'}\n",
    "        hvm: {type: boolean, description: 'True when Xen can run HVM guests.'}\n"
    "        pvh: {type: boolean, description: 'True when Xen can run PVH guests.'}\n",
)


def test_today_against_the_newest_release(checkout: Path) -> None:
    """The contract as it is keeps the promise, is current, and nothing is written."""
    before = {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()}
    done = run(checkout, "--check", "--against", "newest")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{HERE} keeps the promise of {HERE}\n" in done.stdout
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_broken_promise_is_an_exit_code(checkout: Path) -> None:
    """It is told by place, with what it touches and the version that it needs."""
    edit(checkout, *BROKEN)
    done = run(checkout, "--against", HERE)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == (
        f"generate-interface: breaks {HERE}: CpuInfo.cpu_count: was int, is string "
        "(responses of HOST.get_cpu_info, HOST.stat)"
    )
    assert f"or version {BREAKING}; the contract is {HERE}" in done.stderr


@pytest.mark.parametrize("version", [BREAKING, MAJOR])
def test_a_version_may_say_that_it_breaks(checkout: Path, version: str) -> None:
    """With the number that says so the same change is told and passes."""
    edit(checkout, *BROKEN)
    version_of(checkout, version)
    done = run(checkout, "--against", HERE)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"since {HERE}, broken: CpuInfo.cpu_count: was int, is string" in done.stdout


def test_what_is_new_is_told(checkout: Path) -> None:
    """What breaks nothing passes under any number, and is told."""
    edit(checkout, *ADDED)
    done = run(checkout, "--against", HERE)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"since {HERE}: ChipsetInfo.pvh: is a new member (responses of HOST.stat)\n" in (
        done.stdout
    )


def test_a_version_that_was_not_released_is_told(checkout: Path) -> None:
    """The error names those that were; a spoilt file is named as well."""
    done = run(checkout, "--against", "0.0.1")
    assert done.returncode == 2
    assert f"idl/released: there is no 0.0.1; {HERE} was released" in done.stderr
    (checkout / f"idl/released/{HERE}.openrpc.json").write_text("{")
    done = run(checkout, "--against", HERE)
    assert done.returncode == 2
    assert f"{HERE}.openrpc.json: " in done.stderr
    assert "Traceback" not in done.stderr


def test_newest_needs_a_release(checkout: Path) -> None:
    """Where nothing was released, that is told."""
    shutil.rmtree(checkout / "idl/released")
    done = run(checkout, "--against", "newest")
    assert done.returncode == 2
    assert "idl/released: there is no newest; nothing was released" in done.stderr


# ---- releasing --------------------------------------------------------------------------------


@pytest.fixture
def changelog(checkout: Path) -> Path:
    """A folder whose changelog has sections for some more versions."""
    pytest.importorskip("yaml", reason="the generator reads the contract with PyYAML")
    sections = "".join(f"## [{v}] - 2027-01-01\n\n" for v in (PATCH, BREAKING, MAJOR, "0.0.1"))
    with (checkout / "CHANGELOG.md").open("a", encoding="utf-8") as file:
        file.write(f"\n{sections}")
    return checkout


def test_releasing_keeps_the_contract_and_its_calls(changelog: Path) -> None:
    """The version is in the contract and the program, and the files of it are kept and current."""
    edit(changelog, *ADDED)
    assert release(changelog, PATCH, again=False) == 0
    assert f"  version: {PATCH}\n" in (changelog / CONTRACT).read_text("utf-8")
    assert f'__version__ = "{PATCH}"\n' in (changelog / "xenops_cpu/version.py").read_text("utf-8")
    kept = released.contract(changelog, PATCH)
    assert kept.version == PATCH
    assert kept.document == json.loads(
        (changelog / "xenops_cpu/data/openrpc.json").read_text("utf-8")
    )
    for wire, files in released.calls(changelog, PATCH).items():
        for name, body in files.items():
            assert (changelog / "idl/test_data" / wire / name).read_bytes() == body
    assert released.versions(changelog) == [HERE, PATCH]
    done = run(changelog, "--check", "--against", PATCH)
    assert (done.returncode, done.stdout) == (0, f"{PATCH} keeps the promise of {PATCH}\n")


def test_releasing_refuses_what_breaks(changelog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A patch may not break anything: nothing is written."""
    edit(changelog, *BROKEN)
    before = {path: path.read_bytes() for path in changelog.rglob("*") if path.is_file()}
    assert release(changelog, PATCH, again=False) == 1
    assert f"breaks {HERE}: CpuInfo.cpu_count" in capsys.readouterr().err
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_release_is_not_replaced_unasked(
    changelog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version that breaks may be released twice; with another contract only when it is said."""
    edit(changelog, *BROKEN)
    assert release(changelog, BREAKING, again=False) == 0
    assert release(changelog, BREAKING, again=False) == 0
    edit(changelog, *ADDED)
    assert release(changelog, BREAKING, again=False) == 1
    assert f"{BREAKING} was released with another contract" in capsys.readouterr().err
    assert release(changelog, BREAKING, again=True) == 0
    assert "pvh" in (changelog / f"idl/released/{BREAKING}.openrpc.json").read_text("utf-8")


def test_releases_come_in_order(changelog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An older version than the newest is not released any more."""
    assert release(changelog, "0.0.1", again=False) == 1
    assert f"{HERE} was released, which is newer than 0.0.1" in capsys.readouterr().err


def test_what_is_new_needs_its_number(changelog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From 1.0.0 on a new member needs a greater minor number."""
    with (changelog / "CHANGELOG.md").open("a", encoding="utf-8") as file:
        for version in (f"{_MAJOR + 1}.0.1", f"{_MAJOR + 1}.1.0"):
            file.write(f"## [{version}] - 2027-01-02\n")
    assert release(changelog, MAJOR, again=False) == 0
    edit(changelog, *ADDED)
    assert release(changelog, f"{_MAJOR + 1}.0.1", again=False) == 1
    assert f"what is new since {MAJOR} needs a greater minor number" in capsys.readouterr().err
    assert release(changelog, f"{_MAJOR + 1}.1.0", again=False) == 0


@pytest.mark.parametrize(
    ("path", "before", "version", "text"),
    [
        ("CHANGELOG.md", "", "99.0.0", "CHANGELOG.md: has no section ## [99.0.0] - YYYY-MM-DD"),
        ("CHANGELOG.md", "", "4", '"4" is not a version, such as 1.2.3'),
        (str(CONTRACT), "  version: ", BREAKING, f"{CONTRACT}: has 0 lines with a version"),
        ("xenops_cpu/version.py", "__version__", BREAKING, "version.py: has 0 lines with a ver"),
    ],
)
def test_releasing_says_what_is_missing(
    changelog: Path, path: str, before: str, version: str, text: str
) -> None:
    """A version that is none, a changelog without it, files without a version: told by name."""
    content = (changelog / path).read_text("utf-8")
    (changelog / path).write_text(content.replace(before, "x") if before else content, "utf-8")
    with pytest.raises(ContractError, match=re.escape(text)):
        release(changelog, version, again=False)


def test_release_from_the_command_line(changelog: Path) -> None:
    """Exit codes are 0, 1 and 2, and errors are lines."""

    def done(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "idl_tools.release", *arguments]
        path = {"PYTHONPATH": f"{changelog / 'scripts'}:{ROOT}"}
        run = subprocess.run(
            command, env=path, cwd=ROOT, capture_output=True, text=True, check=False
        )
        return run.returncode, run.stderr

    assert done(BREAKING) == (0, "")
    code, text = done(PATCH)
    assert (code, text) == (
        1,
        f"release-contract: {BREAKING} was released, which is newer than {PATCH}\n",
    )
    code, text = done("0.9")
    assert (code, text) == (2, 'release-contract: "0.9" is not a version, such as 1.2.3\n')
    assert done()[0] == 2


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"wire": "xmlrpc", "files": ["x"]}', '{"wire": "x", "files": 5, "body": ""}'],
)
def test_spoilt_calls_are_told_by_line(checkout: Path, line: str) -> None:
    """A line that is not as they are is an error with its number."""
    path = checkout / f"idl/released/{HERE}.calls.jsonl"
    first = path.read_text("utf-8").splitlines()[0]
    path.write_text(f"{first}\n{line}\n", "utf-8")
    with pytest.raises(ContractError, match="line 2: wire, files and body are expected"):
        released.calls(checkout, HERE)


def test_what_is_kept_is_read_back_as_it_was(tmp_path: Path) -> None:
    """The contract, and every file of every wire, whatever is in its text; a body is kept once."""
    files = {
        "xmlrpc": {"requests/a.request.0": "é\u2028\n".encode(), "requests/a.request.1": b"x"},
        "jsonrpc": {"requests/a.request.0": b"x", "responses/a.response.0": b"x"},
    }
    (tmp_path / released.FOLDER).mkdir(parents=True)
    for path, text in released.frozen(NOW, files).items():
        (tmp_path / path).write_text(text, "utf-8")
    assert released.versions(tmp_path) == [HERE]
    assert released.contract(tmp_path, HERE) == NOW
    assert released.calls(tmp_path, HERE) == files
    calls = tmp_path / released.FOLDER / f"{HERE}{released.CALLS}"
    assert len(calls.read_bytes().splitlines()) == 3
