"""xenops-cpu read: files, captures out of them, and hostile files within limits of memory."""

import bz2
import json
import os
import resource
import struct
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_cli import run
from tests.inputs.test_suspend import POLICY
from tests.support.hosts import example
from tests.support.reports import database, golden, libxc_stream, report, tar, zipped
from xenops_cpu.hosts import capture

MIB = 1 << 20
MEMORY = 100 * MIB


@pytest.fixture
def bugtool(tmp_path: Path) -> Path:
    path = tmp_path / "bug-report.tar.bz2"
    files = {**report("xs-01"), **report("xs-02", "ivybridge-xen-4.17")}
    files["bug-report-20260101093000-xs-01/xapi-db.xml"] = database().encode()
    path.write_bytes(tar(files, "w:bz2"))
    return path


def test_a_report_in_words(bugtool: Path) -> None:
    """Each host with its sets, each VM with its featureset."""
    done = run("read", str(bugtool))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{bugtool}: 2 hosts and 2 VMs\n" in done.stdout
    assert "  xs-01: AMD EPYC Processor (AuthenticAMD), Xen 4.17.7\n" in done.stdout
    assert "    policies     raw host pv_default hvm_default pv_max hvm_max\n" in done.stdout
    assert "  VM web 01 (HVM, AuthenticAMD)\n" in done.stdout
    assert all(len(line) <= 100 for line in done.stdout.splitlines()[1:])


def test_json_has_everything(bugtool: Path, tmp_path: Path) -> None:
    """A document for each file, a bad one with its error; the exit code says that one was bad."""
    bad = tmp_path / "bad"
    bad.write_text("nothing")
    done = run("read", "--json", str(bugtool), str(bad))
    assert done.returncode == 3
    good, refused = json.loads(done.stdout)
    sets = example("epyc-xen-4.17").featuresets
    assert good["hosts"][0]["featuresets"]["hvm_max"] == str(sets.hvm_max)
    assert good["hosts"][0]["release"] == "4.17"
    assert good["vms"][0]["featureset"] == "178bfbfd-f6f83203"
    assert good["stored"][2]["kind"] == "pool"
    assert refused["error"] in done.stderr


def test_captures_of_all_hosts(bugtool: Path, tmp_path: Path) -> None:
    """--to makes the folder and a file for each host there; nothing is overwritten."""
    folder = tmp_path / "captures"
    taken = tmp_path / "taken"
    taken.write_text("a file")
    assert run("read", str(bugtool), "--to", str(taken)).returncode == 2
    done = run("read", str(bugtool), "--to", str(folder))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["xs-01.json", "xs-02.json"]
    host = capture.load((folder / "xs-01.json").read_text())
    assert host.featuresets == example("epyc-xen-4.17").featuresets
    again = run("read", str(bugtool), "--to", str(folder))
    assert again.returncode == 3
    assert "is there already" in again.stderr
    info = run("info", "--source", f"recorded:{folder / 'xs-01.json'}")
    assert "Xen 4.17.7" in info.stdout


def test_a_hosts_name_is_no_path(tmp_path: Path) -> None:
    """A capture stays in its folder, whatever the report calls the host."""
    folder = tmp_path / "captures"
    folder.mkdir()
    path = tmp_path / "report.zip"
    path.write_bytes(zipped(report("../../evil", folder="r")))
    assert run("read", str(path), "--to", str(folder)).returncode == 0
    assert [file.name for file in folder.iterdir()] == ["_.._evil.json"]


def test_what_is_damaged_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    """An image that broke off behind the policy: the policy, a sentence, and code 3."""
    path = tmp_path / "image"
    path.write_bytes(libxc_stream(POLICY, pages=3)[:-5000])
    done = run("read", str(path))
    assert done.returncode == 3
    assert "image: a suspend image\n" in done.stdout
    assert "cut short" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_dump_under_another_release(tmp_path: Path) -> None:
    """--xen simulates; a release that is none is wrong use."""
    path = tmp_path / "x.xen-cpuid-p.txt"
    path.write_text(golden("epyc-xen-4.17.xen-cpuid-p.txt"))
    assert run("read", str(path), "--xen", "4.99").returncode == 2
    assert "sets are made from the policies" in " ".join(run("read", str(path)).stdout.split())


# The most memory this process had; the resource usage that a parent sees includes the parent's own.
_MEASURED = """
import re, sys
from pathlib import Path
from xenops_cpu.cli.main import main
code = main(["read", sys.argv[1]])
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
sys.exit(code)
"""


def _bomb(path: Path) -> None:
    info = tarfile.TarInfo("a/xen-cpuid-p.out")
    info.size = 1 << 30
    compressor = bz2.BZ2Compressor()
    with path.open("wb") as file:
        file.write(compressor.compress(info.tobuf()))
        for _ in range(100):
            file.write(compressor.compress(bytes(MIB)))
        file.write(compressor.flush())


def _holes(path: Path) -> None:
    path.touch()
    os.truncate(path, 2 << 30)


def _tar_of_holes(path: Path) -> None:
    info = tarfile.TarInfo("a/xen-cpuid-p.out")
    info.size = 2 << 30
    path.write_bytes(info.tobuf())
    os.truncate(path, (2 << 30) + 4096)


def _pax_of_holes(path: Path) -> None:
    info = tarfile.TarInfo("a")
    info.type, info.size = b"x", 2 << 30
    path.write_bytes(info.tobuf())
    os.truncate(path, 3 << 30)


def _stream_of_holes(path: Path) -> None:
    head = libxc_stream(POLICY)[:40]
    path.write_bytes(head + struct.pack("<II", 1, (2 << 30) - 8))
    os.truncate(path, 2 << 30)


def _stream_of_small_records(path: Path) -> None:
    path.write_bytes(libxc_stream(POLICY)[:40] + struct.pack("<II", 0xE, 0) * 2_000_000)


def _directory_of_holes(path: Path) -> None:
    size = (2 << 30) - 22
    with path.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.seek(size)
        file.write(struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 9, 9, size, 0, 0))


def _endless_row(path: Path) -> None:
    path.write_bytes(b'<database><table name="host"><row x="' + b"y" * (30 * MIB))


def _many_members(path: Path) -> None:
    path.write_bytes(tarfile.TarInfo("a").tobuf() * 60_000)


def _one_long_line(path: Path) -> None:
    path.write_bytes(b"a" * (7 * MIB))


def _lines(path: Path) -> None:
    path.write_bytes(b"\n" * (8 * MIB - 1))


def _nested_json(path: Path) -> None:
    path.write_bytes(b"[" * MIB)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        _bomb,
        _many_members,
        *(
            pytest.param(make, marks=pytest.mark.slow)
            for make in (
                *(_holes, _tar_of_holes, _pax_of_holes, _stream_of_holes, _stream_of_small_records),
                *(_directory_of_holes, _endless_row, _one_long_line, _lines, _nested_json),
            )
        ),
    ],
)
def test_hostile_files_end_in_one_sentence_within_limits(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """Code 3 and one line, below 100 MiB of memory; CPU time is limited so that none hangs."""
    path = tmp_path / "hostile"
    make(path)
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (10, 10)),
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("xenops-cpu read: ")
    assert done.stderr.count("\n") == 1
    (used,) = map(int, done.stdout.split())
    assert used * 1024 < MEMORY
