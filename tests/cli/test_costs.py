"""What the worst files cost: memory and CPU time of a process of its own."""

import io
import json
import re
import resource
import struct
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.reports import libxc_stream, record
from xenops_cpu.limits import input_limits

MIB = 2**20
MEMORY = 300 * MIB
SECONDS = 20  # of CPU time; what is linear takes a few, what is not takes minutes

# The most memory this process had; the resource usage that a parent sees includes the parent's own.
_MEASURED = """
import os, re, sys
from pathlib import Path
from xenops_cpu.cli.main import main
told = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
code = main(sys.argv[1:])
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
os.write(told, peak.encode())
sys.exit(code)
"""


def cost(*arguments: str) -> tuple[int, int, str]:
    """Exit code, bytes of memory at the most, and what was said on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS)),
    )
    assert done.returncode >= 0, f"killed: more than {SECONDS} s of CPU time"
    assert "Traceback" not in done.stderr
    return done.returncode, int(done.stdout) * 1024, done.stderr


def up_to(most: int, piece: str, elements: int = 0) -> str:
    """A JSON list of as many pieces as the limits have room for."""
    count = (most - 2) // (len(piece) + 1)
    if elements:
        count = min(count, input_limits.JSON_ELEMENTS // (elements + 1) - 1)
    return f"[{','.join([piece] * count)}]"


def vm_row(number: int, letters: int) -> str:
    flags = f"(('vendor' 'GenuineIntel') ('features' '{'17cbfbff-' * 18}00000000'))"
    return (
        f"<row ref='{number}' uuid='{number}' name__label='{'n' * letters}' metrics='m{number}' "
        f'last_boot_CPU_flags="{flags}"/>'
    )


def host_row(number: int) -> str:
    sets = " ".join(
        f"('features_{kind}' '{'17cbfbff-' * 18}00000000')"
        for kind in ("pv", "pv_host", "hvm", "hvm_host")
    )
    return f"<row ref='h{number}' uuid='h{number}' name__label='h' cpu_info=\"({sets})\"/>"


def database(vms: int, hosts: int, letters: int, noise: int = 0) -> bytes:
    """`noise`: bytes of other tables."""
    other = f"<row x='{'x' * 1000}'/>" * (noise // 1011)
    tables = {
        "host": "".join(map(host_row, range(hosts))),
        "VM": "".join(vm_row(number, letters) for number in range(vms)),
        "other": other,
    }
    rows = "".join(f"<table name='{name}'>{rows}</table>" for name, rows in tables.items())
    return f"<database>{rows}</database>".encode()


def names(*paths: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for path in paths:
            archive.addfile(tarfile.TarInfo(path))
    return made.getvalue()


def xenopsd(text: bytes) -> bytes:
    return b"XenSavedDomv2-\n" + struct.pack("<QQ", 0x0F, len(text)) + text


def records() -> str:
    leaf = '["%x","0","1","756e6547","6c65746e","49656e69"]'
    return f'{{"leaves": [{",".join(leaf % number for number in range(130_000))}]}}'


# What is read well, as large as the limits let it be.
ACCEPTED: dict[str, Callable[[], bytes | str]] = {
    "VMs of one name": lambda: json.dumps([{"last_boot_CPU_flags": {}}] * 19_900),
    "quotes of xapi": lambda: database(1, 0, 9).replace(b"GenuineIntel", b"\\'" * 900_000),
    "a database of 48 MB": lambda: database(19_900, 1_990, 20, 32 * MIB),
    "long names": lambda: database(19_900, 0, 300),
    "letters outside of all planes": lambda: database(19_900, 0, 250).replace(
        b"nn'", "\U0001f600'".encode()
    ),
    "hosts in JSON": lambda: json.dumps(
        [{"uuid": str(n), "cpu_info": {"features_pv": "17cbfbff-" * 18 + "00000000"}}
         for n in range(1990)]
    ),
    "a record of many leaves": records,
    "domains": lambda: "".join(
        f"Domain {n} policy: 1 leaves, 0 MSRs\n"
        f" {n:08x}:ffffffff -> 0000000d:756e6547:6c65746e:49656e69\n MSRs:\n"
        for n in range(19_900)
    ),
}  # fmt: skip

# What is refused, as it would cost too much.
REFUSED: dict[str, Callable[[], bytes | str]] = {
    "names of dots": lambda: names(*[f"{n}/" + "." * 250 for n in range(10_000)]),
    "long names of dots": lambda: names(*["." * 4095 for _ in range(2_000)]),
    "names of separators": lambda: names(*[f"{n}/" + "x-_." * 62 for n in range(10_000)]),
    "paths of folders": lambda: names(*["proc/etc/" * 450 + str(n) for n in range(2_000)]),
    "backslashes": lambda: xenopsd((b'(name "' + b"\\" * MIB)[:MIB]),
    "names without an end": lambda: xenopsd((b'(name \\"a' * MIB)[:MIB]),
    "objects, all that may be": lambda: up_to(8 * MIB, '{"":0}', 2),
    "lists, all that may be": lambda: up_to(8 * MIB, "[]", 1),
    "texts, all that may be": lambda: up_to(8 * MIB, '"ab"'),
    "objects": lambda: up_to(8 * MIB, '{"":0}'),
    "objects in objects": lambda: up_to(8 * MIB, '{"":{"":{"":{"":[]}}}}'),
    "keys": lambda: "{" + ",".join(f'"{n:x}":0' for n in range(800_000)) + "}",
    "depth": lambda: "[" * (8 * MIB),
    "hosts": lambda: database(0, 20_000, 0),
    "VMs": lambda: database(50_000, 0, 5),
    "one name of a MB after the other": lambda: database(40, 0, 10**6),
    "lines": lambda: "cpu_info : a\n" + "ab\r" * 2_700_000,
    "parts of a line": lambda: "cpu_info : " + "".join(f"{n:x}:;" for n in range(10**6)),
    "blanks": lambda: "Raw" + " " * (8 * MIB - 4),
    "lines of blanks": lambda: ("a" + " " * (MIB - 2) + "\n") * 8,
    "XML of tags": lambda: "<cpudata arch='x86'>\n" + "<a/>\n" * 190_000 + "</cpudata>",
    "XML of attributes": lambda: "<cpudata arch='x86'>\n<a "
    + " ".join(f"a{n:x}=''" for n in range(90_000)) + "/></cpudata>",
    "policies in an image": lambda: libxc_stream(None, pages=0)[:40]
    + b"".join(record(0x11, b"".join(struct.pack("<6I", n, m, 0, 0, 0, 0) for m in range(4_000)))
               for n in range(200)),
}  # fmt: skip

QUICK = (
    "VMs of one name",
    "long names of dots",
    "backslashes",
    "objects, all that may be",
    "lines",
)


def each(files: dict[str, Callable[[], bytes | str]]) -> list[object]:
    return [
        pytest.param(name, id=name, marks=() if name in QUICK else pytest.mark.slow)
        for name in files
    ]


def written(folder: Path, content: bytes | str) -> Path:
    path = folder / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", each(ACCEPTED))
def test_a_large_file_is_read(tmp_path: Path, name: str) -> None:
    """All of it, below 300 MiB, as text and as JSON."""
    path = written(tmp_path, ACCEPTED[name]())
    code, memory, errors = cost("read", str(path), "--json")
    assert code == 0, errors
    assert memory < MEMORY


@pytest.mark.parametrize("name", each(REFUSED))
def test_a_file_that_costs_too_much(tmp_path: Path, name: str) -> None:
    """One sentence, below 300 MiB, in time that grows with the file."""
    path = written(tmp_path, REFUSED[name]())
    code, memory, errors = cost("read", str(path))
    assert code == 3
    assert errors.startswith("xenops-cpu read: ")
    assert errors.count("\n") == 1
    assert memory < MEMORY


@pytest.mark.slow
@pytest.mark.parametrize("command", ["level", "audit", "check", "report"])
def test_other_commands_with_a_large_database(tmp_path: Path, command: str) -> None:
    """What is read in them has the same limits."""
    path = written(tmp_path, database(500, 500, 20, 20 * MIB))
    arguments = {"check": ("--brief", "new")}.get(command, ())
    code, memory, errors = cost(command, *arguments, str(path))
    assert code in (0, 1, 2, 13), errors
    assert memory < MEMORY


def test_the_measure_measures(tmp_path: Path) -> None:
    """What takes memory or time is seen."""
    code, memory, _ = cost("--version")
    assert code == 0
    assert 5 * MIB < memory < 100 * MIB
    assert re.search("VmHWM", _MEASURED)
