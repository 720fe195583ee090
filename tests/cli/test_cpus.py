"""xenops-cpu cpus: what is shipped, and what microcode made of it; --microcode elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import run
from xenops_cpu.cpus import microcode, shipped
from xenops_cpu.hosts import capture
from xenops_cpu.sources.simulated import Simulated, other_cpu


def test_the_list_has_every_cpu() -> None:
    """A line each: name, core, signature, the dump's revision, the newest, how many there are."""
    done = run("cpus")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    names = [line.split()[0] for line in lines[1:] if line][: len(shipped.catalogue())]
    assert names == list(shipped.catalogue())
    (gold,) = [line for line in lines if line.startswith("xeon-gold-6212u ")]
    assert gold.split("  ")[-1].strip() == "5"
    for cell in ("Cascade Lake", "00050657", "0500001c", "05003901 2025-05-12", "15"):
        assert cell in gold
    assert microcode.as_of() in done.stdout


def test_the_list_for_programs() -> None:
    """--json has the same CPUs, with the history of each."""
    document = json.loads(run("cpus", "--json").stdout)
    assert [cpu["name"] for cpu in document["cpus"]] == list(shipped.catalogue())
    assert document["as_of"] == microcode.as_of()
    gold = next(cpu for cpu in document["cpus"] if cpu["name"] == "xeon-gold-6212u")
    assert gold["signature"] == "00050657"
    assert gold["dumped_at"] == "0500001c"
    assert gold["microcode"]["revision"] == "05003901"
    assert gold["history"][0]["adds"] == ["TSX_CTRL"]
    assert gold["releases"][-1]["loads_over"] == "05003102"
    assert len(gold["releases"]) > 20


def test_one_cpu_has_its_history() -> None:
    """What each update added or took away, where the CPU stands, and all public releases."""
    done = run("cpus", "xeon-e-2226g+2020")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    for words in (
        "Intel Xeon E-2226G: Coffee Lake, 000906ea",
        "microcode 000000de of 2020-11-10, the newest public of 2020",
        "2021-06-08, 000000ea: +RTM_ALWAYS_ABORT −HLE −RTM",
        "--- 000000de is here --- 2021-06-08",
        "2025-02-11 000000fa over 000000ea or newer",
    ):
        assert words in said, words


def test_one_cpu_for_programs() -> None:
    """--json of one: its members themselves."""
    document = json.loads(run("cpus", "epyc-7763+xcp-ng-8.2", "--json").stdout)
    assert document["name"] == "epyc-7763+xcp-ng-8.2"
    assert document["microcode"]["revision"] == "0a0011d5"
    assert document["microcode"]["confidence"] == "documented"
    assert all(set(event) >= {"revision", "date", "adds"} for event in document["history"])


def test_a_cpu_of_which_nothing_is_known() -> None:
    """It is told as dumped, without a history."""
    done = run("cpus", "hygon-c86-3185")
    assert done.returncode == 0, done.stderr
    assert "as dumped, for what updates change on this CPU is not known" in done.stdout
    assert "What updates changed" not in done.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nonsense", "no shipped CPU is called"),
        ("xeon-gold-6240+soon", "+soon is neither microcode (newest, as-dumped"),
        ("xeon-gold-6240+2010", "public by 2010: the first is 05000021 of 2019-05-14"),
    ],
)
def test_a_mistake_is_one_sentence(name: str, words: str) -> None:
    """With what would be right, and exit code 3."""
    done = run("cpus", name)
    assert done.returncode == 3
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def sets(*arguments: str) -> dict[str, list[str]]:
    done = run("simulate", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, list[str]] = json.loads(done.stdout)
    return {name: document[name] for name in ("raw", "host", "pv_default", "hvm_default")}


def test_microcode_as_option_or_in_the_name() -> None:
    """simulate, info and cpu:NAME mean the same by both; without one it is the newest."""
    beside = sets("--cpu", "Xeon Gold 6240", "--microcode", "2019-11")
    assert beside == sets("--cpu", "xeon-gold-6240+2019-11")
    assert sets("--cpu", "Xeon Gold 6240") == sets("--cpu", "xeon-gold-6240+newest")
    assert beside != sets("--cpu", "Xeon Gold 6240")
    for arguments in (
        ("info", "--cpu", "Xeon Gold 6240", "--microcode", "0x500002c"),
        ("explain", "RTM", "on", "cpu:xeon-gold-6240+2019-11@4.17"),
        ("decode", "cpu:xeon-gold-6240+2019-11@4.17"),
    ):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
    told = run("info", "--cpu", "Xeon Gold 6240", "--microcode", "0x500002c").stdout
    assert "note: microcode 0500002c of 2019-11-12, as asked; weakest evidence: seen\n" in told


def test_a_dump_is_as_dumped_until_microcode_is_wished(tmp_path: Path) -> None:
    """--dump alone changes nothing; with --microcode it is moved like a shipped CPU."""
    dumped = shipped.get("xeon-silver-4214").cpu
    file = tmp_path / "host.json"
    file.write_text(capture.dump(Simulated(other_cpu(dumped)).read()))
    bare = sets("--cpu", "xeon-silver-4214+as-dumped")
    assert sets("--dump", str(file)) == bare
    assert sets("--dump", str(file), "--microcode", "as-dumped") == bare
    moved = run("simulate", "--dump", str(file), "--microcode", "2023-08")
    assert "note: microcode 05003604 of 2023-08-08, the newest public of 2023-08" in moved.stdout
    assert sets("--dump", str(file), "--microcode", "2023-08") == sets(
        "--cpu", "xeon-silver-4214+2023-08"
    )


def test_a_revision_for_many(tmp_path: Path) -> None:
    """--corpus takes a revision as it always did: the number that Xen looks at, no more."""
    cpu = shipped.get("epyc-7763").cpu
    leaves = [[f"{number:x}" for number in (*key, *cpu.leaves[key])] for key in cpu.leaves]
    file = tmp_path / "corpus.jsonl"
    file.write_text(json.dumps({"id": "milan", "leaves": leaves, "params": {"sbpb": 1}}) + "\n")

    def host(*arguments: str) -> list[str]:
        done = run("simulate", "--corpus", str(file), *arguments)
        assert done.returncode == 0, done.stderr
        words: list[str] = json.loads(done.stdout)["host"]
        return words

    assert host("--microcode", "0xa0011d7") != host("--microcode", "0xa0011ce")
    assert run("simulate", "--corpus", str(file), "--microcode", "2023").returncode == 2
