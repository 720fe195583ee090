"""audit: what it finds as JSON lines, to a hook, and as messages in a pool that is live."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import run
from tests.inputs.test_together import a_report, a_world, written
from tests.support.world import World, WorldHost, WorldVm
from tests.support.xapi_server import serving
from tests.support.xapi_world import World as Xapi
from tests.support.xapi_world import two_hosts
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.inputs import live


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XENOPS_CPU_PASSWORD", "oper")
    live.forget()
    yield
    live.forget()


@pytest.fixture
def xapi() -> Xapi:
    """A pool whose stored level has a feature less than its hosts give; a VM that nobody takes."""
    world = two_hosts()
    pool = world.tables["pool"]["OpaqueRef:p"]
    level = Featureset.parse(pool["cpu_info"]["features_hvm_host"])
    less = level - Featureset.of_features([next(iter(level))], level.length)
    hosts = [host["cpu_info"] for host in world.tables["host"].values()]
    counts = {
        key: str(sum(int(info[key]) for info in hosts)) for key in ("cpu_count", "socket_count")
    }
    pool["cpu_info"] = {**pool["cpu_info"], **counts, "features_hvm_host": str(less)}
    vm = world.tables["VM"]["OpaqueRef:v1"]
    odd = Featureset.parse("ffffffff-ffffffff").extended(level.length)
    vm["last_boot_CPU_flags"] = {**vm["last_boot_CPU_flags"], "features": str(odd)}
    return world


def operator(address: str) -> str:
    return address.replace("reader@", "operator@")


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_for_each_finding(xapi: Xapi) -> None:
    """Whose record, by kind and UUID; which key; which features, by name."""
    with serving(xapi) as server:
        done = run("audit", operator(server.url), "--lines")
    assert done.returncode == 1
    pool, vm = lines(done.stdout)
    assert (pool["object"], pool["name"], pool["key"]) == ("pool", "Zürich", "features_hvm_host")
    assert pool["uuid"] == xapi.tables["pool"]["OpaqueRef:p"]["uuid"]
    assert (pool["lost"], pool["gained"]) == ([], ["FPU"])
    assert (vm["object"], vm["name"]) == ("VM", "web-01 <&> é漢")
    assert "no host takes it in" in vm["text"]


def test_a_hook_gets_each(xapi: Xapi, tmp_path: Path) -> None:
    """On its standard input, with the words of --hook; one that fails is told of."""
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ncat >>{tmp_path}/seen\nenv >>{tmp_path}/env\nexit 3\n")
    hook.chmod(0o755)
    with serving(xapi) as server:
        done = run("audit", operator(server.url), "--hook", str(hook))
    assert done.returncode == 1
    assert [line["object"] for line in lines((tmp_path / "seen").read_text())] == ["pool", "VM"]
    assert "XENOPS_CPU_PASSWORD" not in (tmp_path / "env").read_text()
    assert done.stderr.count("ended with 3") == 2


def test_messages_in_the_pool(xapi: Xapi) -> None:
    """With the names in the body, once however often it is run; of hosts, pool and VMs."""
    with serving(xapi) as server:
        for _ in range(2):
            live.forget()
            done = run("audit", operator(server.url), "--raise-messages")
            assert done.returncode == 1
        assert "is in the pool already" in done.stderr
    messages = {m["name"]: m for m in xapi.tables["message"].values()}
    assert set(messages) == {"POOL_CPU_FEATURES_UP", "VM_CPU_FEATURES_UNAVAILABLE"}
    assert len(xapi.tables["message"]) == 2
    pool = messages["POOL_CPU_FEATURES_UP"]
    assert (pool["cls"], pool["priority"]) == ("Pool", 5)
    assert pool["body"].endswith("It lacks features that are there.\nHVM guests at boot: FPU")
    vm = messages["VM_CPU_FEATURES_UNAVAILABLE"]
    assert (vm["cls"], vm["priority"]) == ("VM", 3)
    assert "no host takes it in" in vm["body"]


def test_none_in_a_rolling_upgrade(xapi: Xapi) -> None:
    """Records come and go with each host then."""
    xapi.put("pool", "OpaqueRef:p", {"other_config": {"rolling_upgrade_in_progress": "true"}})
    with serving(xapi) as server:
        done = run("audit", operator(server.url), "--raise-messages")
    assert "a rolling upgrade is under way: no message is raised" in done.stderr
    assert xapi.tables["message"] == {}


def test_a_role_that_may_not(xapi: Xapi, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said which role it takes."""
    monkeypatch.setenv("XENOPS_CPU_PASSWORD", 'p<w>&"d')
    with serving(xapi) as server:
        done = run("audit", server.url, "--raise-messages")
    assert done.returncode == 1
    assert "takes the role pool-operator" in done.stderr


def test_messages_need_a_pool(tmp_path: Path) -> None:
    """A file has nowhere to raise them."""
    path = tmp_path / "pool.xml"
    vm = WorldVm("v", {"vendor": "GenuineIntel", "features": "3-1"})
    path.write_text(World([WorldHost("h", {"features_hvm": "1-1"})], [vm]).database())
    done = run("audit", str(path), "--raise-messages")
    assert done.returncode == 2
    assert "--raise-messages goes with one live pool" in done.stderr


def test_a_report_has_both_sides(tmp_path: Path) -> None:
    """Xapi's record and what Xen prints of the same host are held to each other; old microcode is
    told of.
    """
    world = a_world()
    sets = world.hosts[0].sets
    boot = Featureset.parse(sets["features_hvm_host"])
    world.hosts[0].sets = {**sets, "features_hvm_host": str(boot | Featureset(1 << 37, 10))}
    path = written(tmp_path, "r.tar.bz2", a_report(1, world, None))
    done = run("audit", str(path))
    assert done.returncode == 1
    out = " ".join(done.stdout.split())
    assert "compared: the record of xs-01 with what Xen says" in out
    assert "xs-01: features_hvm_host has" in out
    assert "microcode" in json.loads(run("audit", str(path), "--json").stdout)
