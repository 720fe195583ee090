"""The examples that are scripts, run as a person runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import ROOT
from tests.daemon.test_daemon import Daemon
from tests.front.test_library import pool_file
from tests.history.test_store import HOST, without
from tests.support.hosts import example as host
from xenops_cpu.history import hook, store
from xenops_cpu.history.fingerprint import Fingerprint
from xenops_cpu.hosts import capture

# Real processes, one a test: CI runs them.
pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "examples"
POLICIES = ROOT / "tests" / "golden" / "inputs" / "ivybridge-xen-4.17.xen-cpuid-p.txt"
OLD = "cpu:xeon-e5-2696-v3@4.17"
NEW = "cpu:xeon-gold-6154@4.17"

Done = subprocess.CompletedProcess[str]


def example(name: str, *arguments: str | Path, stdin: str = "", folder: Path | None = None) -> Done:
    """An example with this environment's Python and commands in front of PATH."""
    path = EXAMPLES / name
    command = [sys.executable, path] if path.suffix == ".py" else [path]
    bin_ = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*map(str, command), *map(str, arguments)],
        input=stdin, capture_output=True, text=True, check=False, cwd=folder, env=environment,
        timeout=120,
    )  # fmt: skip


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [name for name in programs if shutil.which(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def test_the_list_is_whole() -> None:
    """examples/README.md names each example, in order, and nothing that is not there."""
    text = (EXAMPLES / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| \[([^\]]+)\]", text, re.MULTILINE)
    there = sorted(path.name for path in EXAMPLES.iterdir() if path.name != "README.md")
    assert listed == there
    assert [name[:3] for name in there] == [f"{n:02}-" for n in range(1, len(there) + 1)]


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.py")), ids=lambda path: path.name)
def test_a_script_without_arguments_says_what_it_is(path: Path) -> None:
    """It is executable, and its first lines are its help."""
    assert path.stat().st_mode & stat.S_IXUSR
    assert path.read_text("utf-8").startswith('#!/usr/bin/env python3\n"""')


def test_two_hosts_are_compared(tmp_path: Path) -> None:
    """What xen-cpuid -p printed on two hosts: the leaf that was changed is told, and only that."""
    text = POLICIES.read_text("utf-8")
    (tmp_path / "xs-01.txt").write_text(text)
    leaf = "00000006:ffffffff -> 00000004"
    assert leaf in text
    (tmp_path / "xs-02.txt").write_text(text.replace(leaf, "00000006:ffffffff -> 00000005"))
    done = example("01-compare-two-hosts.py", "xs-01.txt", "xs-02.txt", folder=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[:2] == ["A: thermal sensor: no", "B: thermal sensor: no"]
    told = [line for line in lines if line.startswith("policy ")]
    assert told
    assert all("CPUID 6 eax" in line and "00000004 → 00000005" in line for line in told)
    assert "a new PV VM of A on B: migrates" in lines
    assert not any(", only " in line for line in lines)


def test_hosts_that_cannot_share_vms_are_told_by_the_exit_code() -> None:
    """1 where a VM may not move; 3 with a sentence where a file cannot be read."""
    done = example("01-compare-two-hosts.py", NEW, OLD)
    assert done.returncode == 1
    assert "a new HVM VM of A on B: only by force" in done.stdout
    assert "a new HVM VM of B on A: migrates" in done.stdout
    unread = example("01-compare-two-hosts.py", NEW, "nowhere.txt")
    assert (unread.returncode, unread.stdout) == (3, "")
    assert '"nowhere.txt" cannot be read' in unread.stderr
    assert example("01-compare-two-hosts.py").stderr.startswith("Two hosts of a pool")


def test_what_a_host_costs() -> None:
    """Without the older host the pool would gain what only it lacks; each loss has its reason."""
    done = example("02-what-a-host-costs.py", NEW, OLD)
    assert done.returncode == 0
    assert done.stdout.startswith("2 hosts share 71 features (Xen 4.17)\n")
    assert f"without {NEW.removeprefix('cpu:')} the pool would gain: nothing" in done.stdout
    assert re.search(r"without xeon-e5\S+ the pool would gain: .*\bAVX512F\b", done.stdout)
    assert "  PKU: not on xeon-e5-2696-v3@4.17 (the CPU does not show it: " in done.stdout
    assert example("02-what-a-host-costs.py", NEW).returncode == 0
    assert example("02-what-a-host-costs.py", "nowhere").returncode == 3


@needs("curl", "jq")
def test_the_service_is_asked_with_curl(tmp_path: Path) -> None:
    """The record, a verdict on a featureset, an error as a sentence, health."""
    daemon = Daemon(tmp_path, "--source", "example:epyc-xen-4.17")
    try:
        done = example("03-ask-with-curl.sh", daemon.socket, "00000001-00000000")
        assert (done.returncode, done.stderr) == (0, "")
        first, new, most, verdict, health = done.stdout.splitlines()
        assert first == "AMD EPYC Processor, 1 CPUs"
        assert new.startswith("a new HVM VM gets      078bfbfd-")
        assert most.startswith("one may arrive with    178bfbfd-")
        assert verdict == "a VM with 00000001-00000000 may come"
        assert health == "health: ok"
        refused = example("03-ask-with-curl.sh", daemon.socket, "00000002")
        assert "a VM with 00000002 may not come" in refused.stdout
        wrong = example("03-ask-with-curl.sh", daemon.socket, "g")
        assert 'featureset word 0: "g" is not 1 to 8 hex digits' in wrong.stderr
    finally:
        daemon.stop()
    assert example("03-ask-with-curl.sh", daemon.socket).returncode != 0


def pool(folder: Path, *, vms: str) -> Path:
    """A pool kept as files: two hosts, and a VM that has seen so much."""
    (folder / "hosts").mkdir()
    (folder / "vms").mkdir()
    for name in ("epyc-xen-4.17", "epyc-xen-4.20"):
        (folder / "hosts" / f"{name}.json").write_text(capture.dump(host(name)))
    (folder / "vms" / "web-01").write_text(f"vendor: AuthenticAMD; features: {vms}\n")
    return folder


@needs("jq")
def test_a_pool_of_files_is_checked(tmp_path: Path) -> None:
    """Accepted, it passes; a VM without a way and a feature that the level lost make it fail."""
    folder = pool(tmp_path, vms="0789c3f5-f6d83203-28500800-00000061")
    script = "05-pool-in-ci/check-pool.sh"
    assert example(script, "--accept", folder).returncode == 0
    level = (folder / "level").read_text()
    assert "hvm AVX2\n" in level
    assert "pv FPU\n" in level
    passed = example(script, folder)
    assert (passed.returncode, passed.stderr) == (0, "")

    (folder / "level").write_text(level + "pv ZZZ\n")
    lost = example(script, folder)
    assert (lost.returncode, lost.stdout.splitlines()[:2]) == (1, ["the level has lost:", "pv ZZZ"])
    (folder / "level").write_text(level)

    (folder / "vms" / "db-01").write_text("vendor: AuthenticAMD; features: ffffffff-f6d83203\n")
    stuck = example(script, folder)
    assert stuck.returncode == 1
    assert "db-01" in stuck.stdout
    (folder / "hosts" / "broken.json").write_text("{")
    assert example(script, folder).returncode not in (0, 1)


def test_the_workflow_runs_the_script() -> None:
    """The step of the workflow is a command that the script takes."""
    text = (EXAMPLES / "05-pool-in-ci" / "workflow.yml").read_text("utf-8")
    steps = yaml.safe_load(text)["jobs"]["check"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [
        "pip install xenops-cpu",
        "./check-pool.sh .",
    ]


def xe(folder: Path, *, code: int = 0) -> Path:
    """A stand-in for dom0's xe, which there is not here: it writes its arguments down."""
    path = folder / "xe"
    path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{folder}/told\nexit {code}\n')
    path.chmod(0o755)
    return path


ENTRY = {
    "changes": [
        "featureset raw has changed: gained TSX_CTRL; lost HLE RTM",
        "featureset hvm_max has changed: lost RTM",
        "microcode has changed: 0x500002b → 0x500002c",
    ],
    "causes": ["microcode 0x500002b → 0x500002c, loaded at a boot"],
}


@pytest.mark.parametrize("lost", [True, False])
def test_a_change_becomes_a_message_of_xapi(
    lost: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What VMs lose comes first and makes it a warning; the cause and what to do come last."""
    xe(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    inventory = tmp_path / "inventory"
    inventory.write_text("PRODUCT_BRAND='XCP-ng'\nINSTALLATION_UUID='uuid-7'\n")
    script = (EXAMPLES / "07-on-change.py").read_text("utf-8")
    (tmp_path / "hook.py").write_text(script.replace("/etc/xensource-inventory", str(inventory)))
    changes = ENTRY["changes"] if lost else ENTRY["changes"][2:]
    done = subprocess.run(
        [sys.executable, tmp_path / "hook.py"],
        input=json.dumps({**ENTRY, "changes": changes}) + "\n",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    told = (tmp_path / "told").read_text()
    assert told.startswith("message-create\nname=CPU_FEATURES_CHANGED\n")
    assert told.endswith(f"priority={3 if lost else 5}\nhost-uuid=uuid-7\n")
    assert ("body=featureset hvm_max has changed: lost RTM\n" in told) == lost
    assert "\nlikely cause: microcode 0x500002b → 0x500002c" in told
    assert ("will not migrate or resume here" in told) == lost


def test_the_hook_says_when_xapi_cannot_be_told(tmp_path: Path) -> None:
    """In a sentence, which the service writes into its log, with what has changed."""
    done = example("07-on-change.py", stdin=json.dumps(ENTRY))
    assert done.returncode == 1
    assert "xapi was not told" in done.stderr
    assert "lost RTM" in done.stderr
    assert "Traceback" not in done.stderr


@needs("/usr/bin/python3")
def test_the_service_starts_the_hook(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As it starts any: without this environment, with the entry of a change that was recorded."""
    path = tmp_path / "history.sqlite"
    store.record(path, Fingerprint(HOST), "xen", 0.0)
    entry = store.record(path, Fingerprint(without("AVX2")), "xen", 86400.0)
    hook.run(str(EXAMPLES / "07-on-change.py"), entry)
    assert "07-on-change.py ended with 1: xapi was not told" in caplog.text
    assert "featureset host has changed: lost AVX2" in caplog.text


def test_pools_come_from_files_too(tmp_path: Path) -> None:
    """02 takes a pool's database as it is."""
    done = example("02-what-a-host-costs.py", pool_file(tmp_path))
    assert done.stdout.startswith("2 hosts share ")
