"""xenops_cpu.inputs: what a person types, and which format a file has."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.support.hosts import EXAMPLES, example
from tests.support.reports import golden
from xenops_cpu import inputs
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.cpus import shipped
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts import capture
from xenops_cpu.hosts.host import UNTOLD
from xenops_cpu.inputs import InputError, resolve
from xenops_cpu.inputs.formats import FORMATS
from xenops_cpu.inputs.reader import Reader


def cpuid_tool(name: str = "EPYC 7742", number: str = " 0") -> str:
    """A shipped CPU as cpuid -r prints it."""
    lines = [f"CPU{number}:"]
    for (leaf, subleaf), registers in shipped.find(name).cpu.leaves.items():
        values = " ".join(
            f"{register}=0x{value:08x}"
            for register, value in zip(("eax", "ebx", "ecx", "edx"), registers, strict=True)
        )
        lines.append(f"   0x{leaf:08x} 0x{subleaf:02x}: {values}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A service of its own process that answers for an example."""
    path = tmp_path_factory.mktemp("service") / "socket"
    command = (sys.executable, "-m", "xenops_cpu", "serve", "--socket", str(path))
    with subprocess.Popen(
        (*command, "--source", "example:epyc-xen-4.17"), stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 30
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        yield path
        process.terminate()


@pytest.mark.parametrize("text", ["178bfbfd-f6f83203", "178bfbfd:f6f83203", " 0x178bfbfd:F6F83203"])
def test_a_featureset(text: str) -> None:
    """Both separators, either case, with 0x as C has it."""
    found = resolve(text)
    assert found.kind == "featureset"
    assert found.featureset == Featureset.parse("178bfbfd-f6f83203")


def test_one_word_only_where_it_is_allowed() -> None:
    """Eight hex digits may be a file's name."""
    assert resolve("7ed8320b", one_word=True).featureset == Featureset(0x7ED8320B, 1)
    with pytest.raises(InputError, match="say hex:7ed8320b"):
        resolve("7ed8320b")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example(name: str) -> None:
    """example:NAME is the host that --source example:NAME reads."""
    found = resolve(f"example:{name}")
    assert (found.kind, found.host, found.host_names) == ("host", example(name), (name,))


def test_a_capture(tmp_path: Path) -> None:
    """By its path, or as recorded:PATH."""
    path = tmp_path / "host-7.json"
    path.write_text(capture.dump(example()))
    assert resolve(str(path)).host == example()
    assert resolve(str(path)).host_names == ("host-7",)
    recorded = resolve(f"recorded:{path}")
    assert recorded.host is not None
    assert recorded.host.featuresets == example().featuresets


@pytest.mark.parametrize(
    ("text", "release"),
    [("cpu:EPYC 7742", "4.17"), ("cpu:EPYC 7742@4.20", "4.20"), ("cpu:epyc-7742@master", "master")],
)
def test_a_shipped_cpu(text: str, release: str) -> None:
    """What the release after @ would offer, 4.17 where none is named."""
    host = resolve(text).host
    assert host is not None
    assert host.release.name == release
    assert host.featuresets.hvm_default


def test_this_machine() -> None:
    """simulated is what --source simulated reads."""
    host = resolve("simulated").host
    assert host is not None
    assert host.origin.startswith("simulated: what Xen 4.17 would offer on this machine's CPU")


def test_a_service(service: Path) -> None:
    """A socket: the sets that it publishes; raw and policies it does not tell."""
    found = resolve(str(service))
    host, captured = found.host, example("epyc-xen-4.17")
    assert host is not None
    sets = host.featuresets
    assert sets.raw == UNTOLD
    assert sets.host == captured.featuresets.host
    assert sets.pv_default == captured.featuresets.pv_default
    assert sets.hvm_max == captured.featuresets.hvm_default | (
        captured.featuresets.hvm_max or UNTOLD
    )
    assert (host.xen.version, host.processor) == (captured.xen.version, captured.processor)
    assert "not told: the sets raw" in host.notes


def test_a_policy() -> None:
    """The text form, typed or in a file."""
    text = "00000000:ffffffff->0000000d:68747541:444d4163:69746e65;/000000ce->0000000080000000;"
    found = resolve(text)
    assert (found.kind, found.policy) == ("policy", Policy.parse(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", '"nonsense" cannot be read (No such file or directory); it may be a file'),
        ("example:nonsense", 'no example host "nonsense"; there are'),
        ("recorded:/nonsense", "cannot read the capture /nonsense"),
        ("cpu:nonsense", 'no shipped CPU is called "nonsense"'),
        ("cpu:EPYC 7742@4.99", '"4.99" is not a Xen release known here'),
        ("cpu:EPYC 7742@4.7", "what Xen 4.7 derives is not known"),
        ("-".join(["0" * 8] * 65), "a featureset of 65 words"),
        ("hex:" + "-".join(["0"] * 65), "a featureset of 65 words"),
        ("hex:", "hex: names no words"),
        ("", "nothing is named"),
        ("db-01", '"db-01" is no file; a featureset has 8 hex digits a word'),
        ("1->2", "is not leaf:subleaf->a:b:c:d"),
        ("/dev/null", "/dev/null: it is a device"),
        ("Xeon Gold 6154", "a shipped CPU is named so: cpu:xeon-gold-6154"),
        ("x\0y", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    """What was read, and what would be right."""
    with pytest.raises(InputError) as error:
        resolve(text)
    assert words in str(error.value)


@pytest.mark.parametrize("number", [" 0", ""])
def test_what_cpuid_prints(tmp_path: Path, number: str) -> None:
    """cpuid -r, and cpuid -r -1: the same host as the shipped CPU's, under any release."""
    path = tmp_path / "cpuid.txt"
    path.write_text(cpuid_tool(number=number))
    for release in ("", "@4.20"):
        found, shipped = resolve(f"{path}{release}").host, resolve(f"cpu:EPYC 7742{release}").host
        assert found is not None
        assert shipped is not None
        assert found.featuresets.raw == shipped.featuresets.raw
        assert found.release == shipped.release


def test_damaged_output_of_cpuid(tmp_path: Path) -> None:
    """A line with a digit missing, and a CPU that does not begin with leaf 0."""
    path = tmp_path / "cpuid.txt"
    lines = cpuid_tool().splitlines()
    path.write_text("\n".join([*lines[:3], lines[3][:-1], *lines[4:]]))
    with pytest.raises(InputError, match=r"line 4: .* is not LEAF SUBLEAF: eax=0x"):
        inputs.read(path)
    path.write_text("\n".join(lines[2:]))
    with pytest.raises(InputError, match="comes before leaf 0"):
        inputs.read(path)


def test_identity_alone(tmp_path: Path) -> None:
    """/proc/cpuinfo has Linux's names of what dom0 sees: which CPU it is, and no set."""
    path = tmp_path / "cpuinfo"
    path.write_text(golden("epyc-xen-4.17.cpuinfo.txt"))
    host = inputs.read(path).host
    assert host is not None
    assert host.processor == example("epyc-xen-4.17").processor
    assert host.featuresets.length == 0
    assert "no featureset is told, only what CPU it is" in host.notes


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "there is nothing in it"),
        (b"hello\n", "no known format; readable are xapi's log, a capture"),
        (b"12g4-00000000", 'featureset word 0: "12g4" is not 1 to 8 hex digits'),
        (b'{"format": "xenops_cpu host", "version": 9}', "capture version 9"),
        (b'{"leaves": 3}', "field leaves"),
        (b"[" * 100_000, "JSON of too many levels"),
        (b"\n" * 300_000, "a text of more than 200000 lines"),
        (b"x" * (9 << 20), "a text of more than 8 MiB"),
    ],
)
def test_files_that_are_none(tmp_path: Path, data: bytes, words: str) -> None:
    """Refused with the reason, not with a traceback."""
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(InputError) as error:
        inputs.read(path)
    assert words in str(error.value)


def test_text_of_another_encoding(tmp_path: Path) -> None:
    """UTF-16 and a byte order mark, as PowerShell and Notepad write."""
    path = tmp_path / "x.txt"
    for encoding in ("utf-16", "utf-8-sig"):
        path.write_bytes(golden("epyc-xen-4.17.xen-cpuid.txt").encode(encoding))
        host = inputs.read(path).host
        assert host is not None
        assert host.featuresets == example("epyc-xen-4.17").featuresets


def test_every_format_is_on_the_page() -> None:
    """docs/reading.md tells of each, in the words of the error that lists them all."""
    _, page = (ROOT / "docs" / "reading.md").read_text("utf-8").split("\n## Formats\n")
    page = page.partition("\n## ")[0].replace("`", "")
    names = [
        re.sub(r"^(?:what |a dump of |an? )| prints?$", "", name)
        for form in FORMATS
        for name in form.title.split(", ")
    ]
    assert [name for name in names if name not in page] == []


def test_a_path_that_is_none() -> None:
    """Who names a file is told that it is not there, and nothing of what else there is."""
    with pytest.raises(InputError) as error:
        resolve("nothere.json")
    assert str(error.value) == '"nothere.json" cannot be read (No such file or directory)'


def test_a_host_of_which_no_featureset_is_told(tmp_path: Path) -> None:
    """It is no host that lacks everything, and a VM from there has not seen nothing: refused."""
    path = tmp_path / "cpuinfo"
    path.write_text(golden("epyc-xen-4.17.cpuinfo.txt"))
    for reading in (Reader().hosts, Reader().vms):
        with pytest.raises(InputError, match=r"only what CPU it is; a capture, what xen-cpuid -p"):
            reading([str(path)])
