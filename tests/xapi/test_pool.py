"""A whole pool, read: which records, which fields, how much memory."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests import ROOT
from tests.support.xapi_server import Handler, StandIn, serving
from tests.support.xapi_world import Refused, World, two_hosts
from xenops_cpu import xapi as client
from xenops_cpu.xapi import pool
from xenops_cpu.xapi.errors import AnswerError, Unreachable
from xenops_cpu.xapi.http import Timeouts
from xenops_cpu.xapi.options import Options
from xenops_cpu.xapi.pool import Record, Records
from xenops_cpu.xapi.tls import Trust


def quiet() -> Options:
    """Made in the test, so that the certificates it learns go into the test's own folder."""
    return Options(trust=Trust(tell=lambda _: None), timeouts=Timeouts(2, 60))


def read(version: str = "2.0", world: World | None = None) -> Records:
    with serving(world) as xapi:
        xapi.json_version = version
        return client.read(xapi.url, quiet())


def test_all_protocols_give_the_same_records() -> None:
    """XML-RPC's numbers are strings on the wire; here they are numbers."""
    world = two_hosts()
    modern = read("2.0", world)
    for version in ("1.0", ""):
        other = read(version, world)
        assert (other.pool, other.hosts, other.vms) == (modern.pool, modern.hosts, modern.vms)
        assert other.vm_metrics == modern.vm_metrics
    assert modern.vms[0].fields["VCPUs_max"] == 2
    assert modern.pool.fields["last_update_sync"] == "20260801T10:00:00Z"


def test_the_records_of_a_pool() -> None:
    """Names that are not ASCII; VMs that run or sleep, and their metrics."""
    records = read()
    assert records.pool.name == "Zürich"
    assert "pool Zürich" in records.source
    assert [host.name for host in records.hosts] == ["xs-00", "xs-01"]
    assert [vm.name for vm in records.vms] == ["web-01 <&> é漢", "asleep"]
    assert set(records.vm_metrics) == {"OpaqueRef:v1-metrics", "OpaqueRef:v2-metrics"}
    host = records.hosts[0]
    assert host.kind == "host"
    assert host.reference == "OpaqueRef:h0"
    assert host.map("cpu_info")["features_hvm"].count("-") > 5
    assert host.map("software_version")["xen"] == "4.17.5-13"
    assert records.vms[0].text("resident_on") == host.reference


def test_only_what_matters_is_kept() -> None:
    """Fields that bear on CPU features; of other_config only known keys; nothing of NVRAM."""
    records = read()
    for record in (records.pool, *records.hosts, *records.vms, *records.vm_metrics.values()):
        assert record.fields.keys() <= pool.FIELDS[record.kind]
    assert records.hosts[0].fields["other_config"] == {"agent_start_time": "1785578400."}
    assert records.pool.fields["other_config"] == {}
    awake, asleep = records.vms
    assert "last_booted_record" not in awake.fields
    assert asleep.text("last_booted_record").startswith("{")


def test_a_record_without_a_field() -> None:
    """Older releases have fewer: a text is empty then, and so is a map."""
    record = Record("VM", "OpaqueRef:v", {"platform": {"a": "b", "c": 1}, "power_state": False})
    assert record.text("power_state") == ""
    assert record.map("platform") == {"a": "b"}
    assert record.map("last_boot_CPU_flags") == {}
    assert record.name == "OpaqueRef:v"


def test_a_xapi_without_the_filtering_method() -> None:
    """Then all VMs are sent, and the same ones are kept."""
    world = two_hosts()
    answer = world._where

    def unknown(kind: str, expression: str) -> dict[str, Any]:
        if kind == "VM":
            raise Refused("MESSAGE_METHOD_UNKNOWN", "VM.get_all_records_where")
        return answer(kind, expression)

    world._where = unknown  # type: ignore[method-assign]
    assert [vm.name for vm in read(world=world).vms] == ["web-01 <&> é漢", "asleep"]


def test_progress_is_told() -> None:
    """What, how many, of how many where that is known."""
    steps: list[tuple[str, int, int]] = []
    with serving() as xapi:
        client.read(xapi.url, quiet(), lambda *step: steps.append(step))
    assert steps[0] == ("pool", 1, 1)
    assert ("hosts", 2, 0) in steps
    assert [step for step in steps if step[0] == "VMs"] == [("VMs", 1, 0), ("VMs", 2, 0)]
    assert steps[-1] == ("VM metrics", 2, 2)


def test_more_records_than_any_pool_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading ends."""
    monkeypatch.setattr(pool, "MAX_VMS", 1)
    with pytest.raises(AnswerError, match="more than 1 records of class VM"):
        read()


def test_a_pool_without_a_record() -> None:
    """Said in words."""
    world = two_hosts()
    world.tables["pool"].clear()
    with pytest.raises(AnswerError, match="there is no pool's record"):
        read(world=world)


def test_cut_off_in_the_middle_of_the_vms() -> None:
    """No half of a pool is given, and the session is logged out."""
    with serving() as xapi:

        def half(handler: Handler) -> bool:
            body, headers = handler.answer(as_json=True)
            handler.reply(body[: len(body) // 2], headers)
            return True

        xapi.odd["VM.get_all_records_where"] = half
        with pytest.raises(Unreachable, match="cut off within its JSON"):
            client.read(xapi.url, quiet())
        assert xapi.methods[-1] == "session.logout"


# --- large pools

HOSTS, VMS = 64, 5_000
LIMIT_KIB = 200 * 1024

_PROGRAM = """
import sys
from xenops_cpu import xapi
from xenops_cpu.xapi.options import Options
from xenops_cpu.xapi.tls import Trust
records = xapi.read(sys.argv[1], Options(trust=Trust(insecure=True, tell=lambda _: None)))
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(records.hosts), len(records.vms), len(records.vm_metrics), peak.split()[1])
"""


def large(world: World) -> None:
    """64 hosts, and 5,000 VMs in two tables that are written out as they are sent."""
    host = world.tables["host"]["OpaqueRef:h0"]
    for index in range(HOSTS):
        world.put("host", f"OpaqueRef:h{index}", {**host, "uuid": f"h{index}"})
    vm = dict(world.tables["VM"]["OpaqueRef:v1"])
    vm["NVRAM"] = {"EFI-variables": "eA" * 6_500}
    vm["other"] = {f"key {index}": "x" * 40 for index in range(80)}
    world.tables["VM"] = {"OpaqueRef:v": vm}


def many(handler: Handler) -> bool:
    """The answer with one record, its record sent 5,000 times under other names."""
    as_json = handler.path == "/jsonrpc"
    body, headers = handler.answer(as_json)
    kind = handler.method.partition(".")[0]
    name = b"OpaqueRef:v-metrics" if kind == "VM_metrics" else b"OpaqueRef:v"
    start = body.index(b'"' + name if as_json else b"<member><name>" + name)
    end = body.rindex(b'},"id"') if as_json else body.rindex(b"</struct></value></member></struct>")
    record = body[start:end]
    handler.send_response(200)
    uuid = handler.xapi.world.tables["VM"]["OpaqueRef:v"]["uuid"].encode()
    parts = [
        re.sub(rb"OpaqueRef:v(?![0-9])", b"OpaqueRef:v%05d" % index, record).replace(
            uuid, b"%08d" % index + uuid[8:]
        )
        for index in range(VMS)
    ]
    between = b"," if as_json else b""
    size = len(body) - len(record) + sum(map(len, parts)) + len(between) * (VMS - 1)
    handler.xapi.sent += size
    for header, text in {**headers, "Content-Length": str(size)}.items():
        handler.send_header(header, text)
    handler.end_headers()
    handler.wfile.write(body[:start])
    for index, part in enumerate(parts):
        handler.wfile.write(between * (index > 0) + part)
    handler.wfile.write(body[end:])
    return True


_COMMAND = """
import sys
from xenops_cpu.cli.main import main
code = main([*sys.argv[1:], "--insecure", "--json"])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1], file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("level", "POOL"),
        ("check", "POOL", "POOL", "--brief"),
        ("forecast", "POOL", "--to", "xs-00=cpu:epyc-7763@4.17", "--only", "xs-00"),
    ],
    ids=lambda arguments: str(arguments[0]),
)
def test_commands_on_a_large_pool_in_200_mib(arguments: tuple[str, ...]) -> None:
    """Not only reading it: the whole command stays within the limit."""
    with large_pool("2.0") as xapi:
        words = [xapi.url if word == "POOL" else word for word in arguments]
        done = subprocess.run(
            [sys.executable, "-c", _COMMAND, *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode in (0, 1, 11, 12, 13), done.stderr
    peak = int(done.stderr.split()[-1])
    assert peak < LIMIT_KIB, f"{peak >> 10} MiB"


@pytest.mark.slow
@pytest.mark.parametrize("version", ["2.0", ""])
def test_64_hosts_and_5000_vms_in_200_mib(version: str) -> None:
    """90 MB of JSON, more of XML; measured in a process of its own, at its highest."""
    with large_pool(version) as xapi:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, xapi.url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        sent = xapi.sent
    assert done.returncode == 0, done.stderr
    hosts, vms, metrics, peak = map(int, done.stdout.split())
    assert (hosts, vms, metrics) == (HOSTS, VMS, VMS)
    assert sent > 90_000_000
    assert peak < LIMIT_KIB, f"{peak >> 10} MiB"


@contextmanager
def large_pool(version: str) -> Iterator[StandIn]:
    """The stand-in with that pool, by JSON-RPC 2.0 or by XML-RPC ("")."""
    world = two_hosts()
    large(world)
    world.tables["VM_metrics"] = {
        "OpaqueRef:v-metrics": world.tables["VM_metrics"]["OpaqueRef:v1-metrics"]
    }
    world.tables["VM"]["OpaqueRef:v"]["metrics"] = "OpaqueRef:v-metrics"
    with serving(world) as xapi:
        xapi.json_version = version
        xapi.odd = {"VM.get_all_records_where": many, "VM_metrics.get_all_records": many}
        yield xapi


def test_the_documented_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/live-pool.md's example, at the stand-in's address."""
    page = (ROOT / "docs" / "live-pool.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    with serving() as xapi:
        exec(program.replace("xapi://reader@xs-01", xapi.url), {})
    assert capsys.readouterr().out.startswith("xs-00 ")
