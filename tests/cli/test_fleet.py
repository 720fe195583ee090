"""xenops-cpu fleet: rows out of sources, queries, levels out of rows."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.cli.test_cli import run
from tests.support.rows import reduction
from xenops_cpu.cli.main import main
from xenops_cpu.fleet.row import COLUMNS, Row

HOSTS = ("example:skylake-server-xen-4.17", "cpu:xeon-gold-6154@4.19")


def fleet(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The command in this process, with a standard output that takes bytes."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        patch.object(sys, "stdin", io.StringIO(stdin)),
    ):
        code = main(["fleet", *arguments])
    out.seek(0)
    return subprocess.CompletedProcess(arguments, code, out.read(), err.getvalue())


def rows_of(text: str) -> list[Row]:
    return [json.loads(line) for line in text.splitlines()]


def settled(lines: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    return fleet("settle", stdin="".join(json.dumps(line) + "\n" for line in lines))


def test_rows_settle_to_what_level_says() -> None:
    """export, a reduction and settle: the level of `xenops-cpu level`, for each guest type."""
    exported = fleet("export", "--pool", "lab", *HOSTS)
    assert (exported.returncode, exported.stderr) == (0, "")
    table = rows_of(exported.stdout)
    assert all(list(row) == list(COLUMNS) for row in table)
    lines = [{"pool": "lab", "guest": g} | reduction(table, g) for g in ("hvm", "pv")]
    levels = [json.loads(line) for line in settled(lines).stdout.splitlines()]
    expected = json.loads(run("level", "--json", *HOSTS).stdout)["levels"]
    assert [level["count"] for level in levels] == [1, 2]  # the captured host runs no HVM guests
    for level, other in zip(levels, expected, strict=True):
        assert (level["pool"], level["guest"]) == ("lab", other["guest_type"])
        for key in ("release", "featureset", "features"):
            assert level[key] == other[key]


def test_each_source_is_a_pool_unless_one_is_named() -> None:
    """Hosts that nobody said belong together are not levelled together."""
    table = rows_of(fleet("export", *HOSTS).stdout)
    assert {row["pool"] for row in table} == set(HOSTS) == {row["source"] for row in table}


def test_a_source_that_cannot_be_read_is_left_out_and_told() -> None:
    """The rest is written; the exit code says that something is missing."""
    done = fleet("export", "example:nobody", HOSTS[0], "hex:" + "-".join(["00000001"] * 33))
    assert done.returncode == 1
    assert {row["source"] for row in rows_of(done.stdout)} == {HOSTS[0]}
    assert 'left out: there is no example host "nobody"' in done.stderr
    assert "a featureset of 33 words; a row has 32" in done.stderr


def test_sources_from_a_list_and_from_standard_input(tmp_path: Path) -> None:
    """@FILE and @-: a source a line; empty lines and comments do not count."""
    text = f"# two\n{HOSTS[0]}\n\n  {HOSTS[1]}\n"
    (tmp_path / "list").write_text(text)
    from_list = fleet("export", f"@{tmp_path / 'list'}")
    assert from_list.stdout == fleet("export", "@-", stdin=text).stdout
    assert from_list.stdout == fleet("export", *HOSTS).stdout
    missing = fleet("export", f"@{tmp_path / 'none'}")
    assert (missing.returncode, missing.stdout) == (3, "")
    assert missing.stderr.endswith("none: No such file or directory\n")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_sources() -> None:
    """Ten times as many sources need no more memory, but for what a measure of it wavers by."""
    peaks = []
    for count in (300, 3000):
        lines = (f"hex:{number + 1:08x}-{number:08x}" for number in range(count))
        program = (
            "import resource, sys; from xenops_cpu.cli.main import main; main(sys.argv[1:]);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, "fleet", "export", "@-"],
            input="\n".join(lines), capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        assert done.stdout.count("\n") == 4 * count
        peaks.append(int(done.stderr))
    assert peaks[1] - peaks[0] < 4096  # KiB; the rows are 8 MiB


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """What was there stays when the list of sources cannot be read to its end."""
    output = tmp_path / "fleet.jsonl"
    assert fleet("export", HOSTS[0], "--output", str(output)).returncode == 0
    before = output.read_text()
    assert len(rows_of(before)) == 6
    done = fleet("export", HOSTS[1], f"@{tmp_path / 'none'}", "--output", str(output))
    assert done.returncode == 3
    assert output.read_text() == before
    assert list(tmp_path.iterdir()) == [output]


def test_parquet_is_told_by_the_name_and_needs_a_file(tmp_path: Path) -> None:
    """*.parquet without --format; never to a terminal or a pipe."""
    done = run("fleet", "export", HOSTS[0], "--format", "parquet")
    assert (done.returncode, done.stdout) == (2, "")
    assert "name a file, --output FILE" in done.stderr
    pyarrow = pytest.importorskip("pyarrow.parquet")
    output = tmp_path / "fleet.parquet"
    assert fleet("export", *HOSTS, "--output", str(output)).returncode == 0
    assert pyarrow.read_table(output).to_pylist() == rows_of(fleet("export", *HOSTS).stdout)


def test_without_pyarrow_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, exit code 3, and no file."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    output = tmp_path / "fleet.parquet"
    done = run("fleet", "export", HOSTS[0], "--output", str(output))
    assert done.returncode == 3
    assert "pyarrow, which is not installed; pip install pyarrow" in done.stderr
    assert not output.exists()


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_the_queries_are_printed(engine: str) -> None:
    """As they stand in the package."""
    queries = importlib.import_module("xenops_cpu.fleet.queries")
    assert run("fleet", "query", engine).stdout == queries.QUERIES[engine]()


SOUND = {
    "in_all": [5], "in_any": [7], "length": 1, "count": 2, "releases": ["4.17"], "assumed": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("{", "line 2: not JSON"),
        ("[" * 50_000, "line 2: not JSON"),
        ("[]", "line 2: not an object"),
        (" " * 60_000, ""),
        (json.dumps({"in_all": [5]}), 'line 2: there is no "in_any"; wanted are in_all, in_any'),
        (json.dumps(SOUND | {"in_all": 5}), 'line 2: "in_all" is not a list of integers'),
        (json.dumps(SOUND | {"in_any": [True]}), 'line 2: "in_any" is not a list of integers'),
        (json.dumps(SOUND | {"releases": [4.17]}), 'line 2: "releases" is not a list of texts'),
        (json.dumps(SOUND | {"count": 2.0}), 'line 2: "count" is not an integer'),
        (json.dumps(SOUND | {"in_all": [8]}), "line 2: in_all has bits that in_any has not"),
    ],
)
def test_lines_that_are_no_reduction_are_left_out_and_told(line: str, error: str) -> None:
    """With the number of the line; the lines around it are settled."""
    sound = json.dumps(SOUND | {"pool": "lab"})
    done = fleet("settle", stdin=f"{sound}\n{line}\n{sound}\n")
    assert done.returncode == (1 if error else 0)
    assert error in done.stderr
    assert [json.loads(level)["pool"] for level in done.stdout.splitlines()] == ["lab", "lab"]


def test_several_vendors_are_told() -> None:
    """As `level` does: the level is no promise that a VM may move."""
    mixed = ("example:epyc-xen-4.17", "example:skylake-server-xen-4.17")
    table = rows_of(fleet("export", "--pool", "lab", *mixed).stdout)
    done = settled([{"pool": "lab", "guest": "pv"} | reduction(table, "pv")])
    warnings = json.loads(done.stdout)["warnings"]
    assert warnings == json.loads(run("level", "--json", *mixed).stdout)["warnings"]
    assert "AuthenticAMD and GenuineIntel" in warnings[0]


def test_lines_have_an_end(tmp_path: Path) -> None:
    """What has longer ones is no list and no rows: nothing more of it is read."""
    endless = tmp_path / "endless"
    endless.write_text("\n" + "x" * 70_000)
    for arguments in (["settle", str(endless)], ["export", f"@{endless}"]):
        done = fleet(*arguments)
        assert done.returncode == 3
        assert done.stderr.endswith("endless, line 2: longer than 65,536 characters\n")


def test_settle_reads_a_file(tmp_path: Path) -> None:
    """FILE instead of standard input; one that is not there is exit code 3."""
    (tmp_path / "reductions").write_text(json.dumps(SOUND))
    done = fleet("settle", str(tmp_path / "reductions"))
    assert json.loads(done.stdout)["featureset"] == "00000005"
    assert fleet("settle", str(tmp_path / "none")).returncode == 3
