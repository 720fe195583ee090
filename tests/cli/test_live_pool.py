"""A live pool wherever a HOST or VM is taken, over real TLS and over a socket as in dom0.

The xapi is a stand-in (tests/support/xapi_server.py): a genuine one needs a Xen host.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_cli import run
from tests.support.xapi_server import StandIn, serving
from tests.support.xapi_world import NULL, World, two_hosts
from xenops_cpu.inputs import live

PASSWORD = 'p<w>&"d'
FIRST = "a0000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XENOPS_CPU_PASSWORD", PASSWORD)
    live.forget()
    yield
    live.forget()


@pytest.fixture
def world() -> World:
    """Two hosts; on the first a VM that runs, elsewhere one that sleeps."""
    made = two_hosts()
    made.put("pool", "OpaqueRef:p", {"other_config": {"rolling_upgrade_in_progress": "true"}})
    made.put("host", "OpaqueRef:h1", {"enabled": False})
    made.put("VM_metrics", "OpaqueRef:v1-metrics", {"nomigrate": True})
    return made


@pytest.fixture
def xapi(world: World) -> Iterator[StandIn]:
    with serving(world) as stand_in:
        yield stand_in


def test_a_pool_is_read(xapi: StandIn) -> None:
    """Hosts with their place in the pool, VMs with where and how they run; logged out after."""
    done = run("read", xapi.url, "--json")
    assert done.returncode == 0, done.stderr
    (document,) = json.loads(done.stdout)
    first, second = document["hosts"]
    assert (first["name"], first["uuid"]) == ("xs-00", FIRST)
    assert first["read"].startswith("20")
    assert first["membership"]["coordinator"] is True
    assert first["membership"]["upgrading"] is True
    assert first["membership"]["software"]["xapi"] == "26.1"
    assert second["membership"]["enabled"] is False
    web, asleep = document["vms"]
    assert (web["name"], web["home"], web["runs_as"]) == ("web-01 <&> é漢", FIRST, "HVM")
    assert web["immobile"] == "platform:nomigrate is set"
    assert (asleep["suspended"], asleep["home"]) == (True, "")
    assert {record["kind"] for record in document["stored"]} == {"host", "pool"}
    assert xapi.world.logouts
    assert not xapi.world.sessions


COMMANDS = [
    ("level", "{pool}"),
    ("check", "asleep", "{pool}"),
    ("check", "{pool}#asleep", "{pool}#xs-00"),
    ("audit", "{pool}"),
    ("plan", "leave", "xs-01", "--pool", "{pool}"),
    ("plan", "evacuate", "xs-00", "--pool", "{pool}"),
    ("forecast", "{pool}", "--to-cmdline", "spec-ctrl=no-gds-mit", "--to", "xs-00={pool}#xs-00",
     "--only", "xs-00"),
    ("split", "{pool}"),
    ("emit", "xapi", "{pool}"),
    ("report", "{pool}", "--html", "-"),
    ("diff", "{pool}#xs-00", "{pool}#xs-01"),
    ("explain", "SSE", "on", "{pool}#xs-00"),
    ("decode", "{pool}#xs-00"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]))
def test_wherever_a_host_is_taken(xapi: StandIn, command: tuple[str, ...]) -> None:
    """The pool is asked once a command, whatever is wanted of it."""
    done = run(*(word.format(pool=xapi.url) for word in command))
    assert done.returncode in (0, 1, 11), done.stderr
    assert "a fault in this program" not in done.stderr
    assert xapi.methods.count("host.get_all_records") == 1


def test_in_dom0(world: World, tmp_path: Path) -> None:
    """xapi's own socket, without a password."""
    world.passwords["root"], world.roles["root"] = "", "pool-admin"
    path = tmp_path / "xapi"
    with serving(world, path=path):
        done = run("level", f"xapi://{path}")
    assert done.returncode == 0, done.stderr
    assert "2 hosts" in done.stdout


def test_the_options_are_taken(xapi: StandIn, tmp_path: Path) -> None:
    """A fingerprint that is another's ends it before anything is sent; a password from a file."""
    wrong = run("level", xapi.url, "--fingerprint", "AB" * 32)
    assert wrong.returncode == 3
    assert "certificate" in wrong.stderr
    assert xapi.methods == []
    path = tmp_path / "password"
    path.write_text("not this one\n")
    path.chmod(0o600)
    refused = run("level", xapi.url, "--password-file", str(path))
    assert refused.returncode == 3
    assert "the user or the password is wrong" in refused.stderr
    malformed = run("level", xapi.url, "--fingerprint", "AB")
    assert "no SHA-256 fingerprint" in malformed.stderr


def test_nobody_there() -> None:
    """A sentence, and the exit code of what cannot be read."""
    done = run("level", "xapi://reader@127.0.0.1:1")
    assert done.returncode == 3
    assert "127.0.0.1:1" in done.stderr


def test_live_and_a_report_are_one_pool(xapi: StandIn, tmp_path: Path) -> None:
    """A capture of a host of the live pool is that host, with more known of it."""
    folder = tmp_path / "captures"
    assert run("read", xapi.url, "--to", str(folder)).returncode == 0
    done = run("level", xapi.url, str(folder / "xs-00.json"), "--json")
    assert json.loads(done.stdout)["levels"][0]["hosts"] == ["xs-00", "xs-01"]


def test_where_a_vm_is_now(world: World) -> None:
    """`check` says which host that is; who may not be migrated goes nowhere else."""
    with serving(world) as xapi:
        done = run("check", "web-01 <&> é漢", xapi.url)
        assert done.returncode == 13
        assert "web-01 <&> é漢 on xs-00, where it is now: resumes or migrates here" in done.stdout
        assert "xapi lets it go nowhere while it runs: platform:nomigrate is set" in done.stdout
    world.put("VM_metrics", "OpaqueRef:v1-metrics", {"nomigrate": False})
    world.put("VM", "OpaqueRef:v1", {"resident_on": NULL})
    live.forget()
    with serving(world) as xapi:
        done = run("check", "web-01 <&> é漢", xapi.url, "--json")
    assert [answer["here"] for answer in json.loads(done.stdout)["answers"]] == [False, False]
