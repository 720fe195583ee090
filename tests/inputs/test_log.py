"""xapi's log: lines as xapi writes them, read from files, reports and pipes, told by name."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.cli.test_cli import run
from tests.inputs.test_together import FIRST, VMS, a_report, a_world, written
from xenops_cpu import inputs
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.inputs import InputError, log_words, xapi_log
from xenops_cpu.inputs.xapi_log import Event

XEN = release("4.17")
SEEN = XEN.featureset(["FPU", "SSE", "AVX", "AVX2"]).extended(XEN.length)
TAKEN = XEN.featureset(["FPU", "SSE"]).extended(XEN.length)
VM, HOST = "7c3b0000-0000-4000-8000-000000000000", "a0000001-0000-4000-8000-000000000000"


def line(
    message: str, when: str = "Aug 21 10:02:11", task: str = "R:4f", module: str = "cpuid_helpers"
) -> str:
    """As ocaml/libs/log/debug.ml has it, behind syslog's head."""
    return f"{when} xs-01 xapi: [debug||71 |host.evacuate {task}|{module}] {message}\n"


CHECK = "".join(
    line(message)
    for message in (
        f"Checking CPU compatibility of hvm VM {VM} with host {HOST}",
        "VM last booted on CPU of vendor GenuineIntel; host CPUs are of vendor GenuineIntel",
        f"VM last booted on CPU with features {SEEN}; host CPUs have migration features {TAKEN}",
        f"VM CPU features ({SEEN}) are not compatible with host CPU features ({TAKEN})",
    )
)


def events(text: str) -> tuple[Event, ...]:
    return xapi_log.parse([text.encode()])


def told(text: str, names: dict[str, str] | None = None) -> list[str]:
    return [log_words.sentence(event, names or {}) for event in events(text)]


def test_a_check_is_put_together_from_its_lines() -> None:
    """Who, where, and what is missing, by name: what xapi's error does not say."""
    (event,) = events(CHECK)
    assert (event.vm, event.host, event.domain_type, event.refused) == (VM, HOST, "hvm", True)
    assert event.time == "Aug 21 10:02:11"
    assert event.missing == SEEN - TAKEN
    assert told(CHECK, {VM: "web-01", HOST: "xs-02"}) == [
        "VM web-01 (HVM) was refused by host xs-02: it has seen AVX AVX2, which the host does not "
        "take in"
    ]


def test_checks_of_several_tasks_at_once() -> None:
    """Lines of one task belong together, however others come between."""
    one = [line(text, task="R:1") for text in (
        f"Checking CPU compatibility of pv VM {VM} with host {HOST}",
        f"VM last booted on CPU with features {SEEN}; host CPUs have migration features {SEEN}",
    )]  # fmt: skip
    two = [line(text, task="R:2") for text in (
        f"Checking CPU compatibility of hvm VM other with host {HOST}",
        "VM last booted on CPU of vendor AuthenticAMD; host CPUs are of vendor GenuineIntel",
    )]  # fmt: skip
    mixed = "".join(text for pair in zip(one, two, strict=True) for text in pair)
    assert set(told(mixed)) == {
        f"VM {VM} (PV) was checked against host {HOST}: all that it has seen is taken in there",
        f"VM other (HVM) was refused by host {HOST}: it was started on a CPU of AuthenticAMD, the "
        "host has one of GenuineIntel",
    }


def test_one_line_alone() -> None:
    """As people paste it, without what stands before."""
    text = f"VM last booted on CPU with features {SEEN}; host CPUs have migration features {TAKEN}"
    assert told(text) == [
        "a VM was refused by a host: it has seen AVX AVX2, which the host does not take in"
    ]


OTHER = XEN.featureset(["FPU", "SSE", "RDSEED"]).extended(XEN.length)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "The VM's CPU policy is not compatible with the target host's. The host is missing: "
            "fsgsbase avx2",
            "xenopsd: the host lacks fsgsbase avx2 (libxc names one word's features",
        ),
        (
            f"The CPU features of this host have changed. Old features_hvm_host={SEEN}. New "
            f"features_hvm_host={OTHER}.",
            "HVM guests at boot lost AVX AVX2 and gained RDSEED",
        ),
        (
            f"The pool-level CPU features have changed. Old features_hvm_host={SEEN}. New "
            f"features_hvm_host={SEEN.extended(22)}.",
            "the pool's level has changed: only in length, from 19 to 22 words",
        ),
        (
            f"xenopsd event: Updating VM {VM} last_boot_CPU_flags <- {SEEN}",
            f"VM {VM} is recorded with 4 features in 19 words",
        ),
        (
            f"get_vms_which_prevent_evacuation: VM {VM} preventing evacuation of host {HOST}: "
            "VM_INCOMPATIBLE_WITH_THIS_HOST; OpaqueRef:1; OpaqueRef:2; VM last booted on a CPU "
            "with features this host's CPU does not have.",
            "does not say which: 'xenops-cpu check VM HOST' does",
        ),
        (
            "CPUID default policy has features that are not present in Max policy!",
            "xenopsd gives up, and xapi keeps the host's old record",
        ),
        ("Failed to get host CPU info; not updating database", "keeps the host's old record"),
        (
            "Pool thinks rolling upgrade is in progress but Host version numbers indicate "
            "otherwise; correcting",
            "whether a rolling upgrade is under way",
        ),
        ("Requested featureset '1-2' truncated on this host", "its domain was not built"),
    ],
)
def test_what_else_is_read(message: str, words: str) -> None:
    """Each of the lines that bear on CPU features, in a sentence."""
    (sentence,) = told(line(message))
    assert words in sentence


def test_references_become_names() -> None:
    """Of an error of evacuation, as xapi and Xen Orchestra show it."""
    text = (
        "CANNOT_EVACUATE_HOST(VM_INCOMPATIBLE_WITH_THIS_HOST,OpaqueRef:v1,OpaqueRef:h2,VM last "
        "booted on a CPU with features this host's CPU does not have.)"
    )
    (sentence,) = told(text, {"OpaqueRef:v1": "web-01", "OpaqueRef:h2": "xs-02"})
    assert "VM_INCOMPATIBLE_WITH_THIS_HOST,web-01,xs-02" in sentence


def test_the_same_again_is_counted() -> None:
    """A log of weeks tells the same many times; the last time is kept."""
    text = "".join(CHECK.replace("10:02:11", f"10:{minute:02}:11") for minute in range(60))
    (event,) = events(text)
    assert (event.count, event.time) == (60, "Aug 21 10:59:11")


def test_a_log_of_any_size() -> None:
    """Lines that have nothing to do with it are stepped over; the last different ones are kept."""
    noise = line("VM.start: starting", module="xapi") * 200
    texts = [
        line(f"xenopsd event: Updating VM {n} last_boot_CPU_flags <- {SEEN}") for n in range(700)
    ]
    data = noise.join(texts).encode()
    chunks = (data[at : at + 70_001] for at in range(0, len(data), 70_001))
    found = xapi_log.parse(chunks)
    assert [event.vm for event in found] == [str(n) for n in range(200, 700)]


def test_lines_that_are_cut_or_wrong() -> None:
    """No featureset, no name: passed over."""
    bad = "VM last booted on CPU with features 12x4; host CPUs have migration features 1-2"
    long = "-".join(["1"] * 200)
    assert events(line(bad)) == ()
    refused = f"VM CPU features ({long}) are not compatible with host CPU features (1)"
    assert not events(line(refused))
    assert events("x" * 200_000 + CHECK)[0].missing


def test_a_log_as_a_file(tmp_path: Path) -> None:
    """By its contents, whatever its name; gzipped as well. One without such lines says so."""
    path = tmp_path / "anything.txt"
    path.write_text(line("VM.start: starting") * 3 + CHECK)
    assert inputs.read(path).kind == "log"
    packed = tmp_path / "xensource.log.2.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert inputs.read(packed).events == inputs.read(path).events
    path.write_text(line("VM.start: starting") * 3)
    with pytest.raises(InputError, match="in which nothing is about CPU features"):
        inputs.read(path)
    done = run("read", str(packed))
    assert done.returncode == 0
    assert "it has seen AVX AVX2" in done.stdout


def test_a_log_from_a_pipe() -> None:
    """grep … | xenops-cpu read -"""
    done = subprocess.run(
        [sys.executable, "-m", "xenops_cpu", "read", "-", "--json"],
        input=CHECK, capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (document,) = json.loads(done.stdout)
    assert document["file"] == "-"
    (event,) = document["events"]
    assert event["missing"] == ["AVX", "AVX2"]
    assert (event["old"], event["new"]) == (str(SEEN), str(TAKEN))


def test_the_logs_of_a_report(tmp_path: Path) -> None:
    """Older ones first, with the names that the report's database has."""
    files = a_report(1, a_world(1), None)
    root = next(iter(files)).partition("/")[0]
    check = CHECK.replace(VM, VMS[0]).replace(HOST, FIRST)
    host = line(
        f"The CPU features of this host have changed. Old features_hvm_host={SEEN}. New "
        f"features_hvm_host={TAKEN}.", "Aug 20 09:00:00", module="create_misc",
    )  # fmt: skip
    files[f"{root}/var/log/xensource.log"] = check.encode()
    files[f"{root}/var/log/xensource.log.2.gz"] = gzip.compress(host.encode())
    files[f"{root}/var/log/xensource.log.3.gz"] = gzip.compress(host.encode())[:-12] + b"damaged!"
    done = run("read", str(written(tmp_path, "r.tar.bz2", files)))
    assert done.returncode == 0
    lines = " ".join(done.stdout.split())
    first = lines.index("the features of host xs-01 have changed: HVM guests at boot lost AVX AVX2")
    assert first < lines.index("VM vm-0 (HVM) was refused by host xs-01: it has seen AVX AVX2")


def test_what_to_ask_next(tmp_path: Path) -> None:
    """Of a VM that kept a host of the report from being evacuated the log names no feature: the
    command that does is told, and gives them.
    """
    files = a_report(1, a_world(2), None)
    root = next(iter(files)).partition("/")[0]
    kept = (
        f"get_vms_which_prevent_evacuation: VM {VMS[0]} preventing evacuation of host {FIRST}: "
        "VM_INCOMPATIBLE_WITH_THIS_HOST; OpaqueRef:1; OpaqueRef:2; VM last booted on a CPU with "
        "features this host's CPU does not have."
    )
    files[f"{root}/var/log/xensource.log"] = line(kept).encode()
    path = written(tmp_path, "r.tar.bz2", files)
    done = run("read", str(path))
    command = f"xenops-cpu plan evacuate xs-01 --pool {path}"
    assert f"    for which features, and what helps: {command}\n" in done.stdout
    assert run(*command.split()[1:]).returncode in (0, 1)


def test_what_is_no_log() -> None:
    """Other texts are not taken for one, though a sentence may stand in them."""
    for text in (b"", b"<database>CPU compatibility of</database>", b'{"a": "VM CPU features ("}'):
        assert not xapi_log.recognises(text)
    assert xapi_log.recognises(b"[debug||1 |task|module] anything")
    assert Event("check").missing == Featureset()
