"""xenops-cpu-collect, by the Pythons of dom0: the tools print what Xen's own tools printed.

xen-cpuid and xl stand in for those of a dom0 by printing recorded texts; xapi is the stand-in of
the other tests, on a Unix socket.
"""

from __future__ import annotations

import ast
import base64
import json
import shutil
import subprocess
import sys
import tarfile
import xmlrpc.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import GOLDEN, ROOT, SHARED, needs_shared
from tests.cli.test_cli import run
from tests.support.hosts import example
from tests.support.xapi_server import serving
from tests.support.xapi_world import Refused, World, stored, two_hosts
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts import capture
from xenops_cpu.hosts.host import Host

# Real processes, one a test: CI runs them.
pytestmark = pytest.mark.slow

SCRIPT = ROOT / "packaging" / "dom0" / "xenops-cpu-collect"
INPUTS = GOLDEN / "inputs"
# The oldest and a recent one; for this the one that runs the tests will do.
OLDEST, RECENT = "3.6", "3.12"
UUID = "a0000000-0000-4000-8000-000000000000"


def python(version: str) -> str | None:
    """A Python of this version: one of pyenv's (its shims need a version set), or on the PATH."""
    named = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python{version}"))
    return str(named[-1]) if named else shutil.which(f"python{version}")


@pytest.fixture(params=[OLDEST, RECENT])
def interpreter(request: pytest.FixtureRequest) -> str:
    found = python(request.param)
    if found is None and request.param == OLDEST:
        pytest.skip(f"there is no Python {OLDEST} here")
    return found or sys.executable


# As xl prints them (xen/tools/xl/xl_info.c), of the hosts whose xen-cpuid was recorded.
XL_INFO = """\
host                   : {name}
release                : 4.19.0+1
nr_cpus                : 4
max_cpu_id             : 3
nr_nodes               : 2
cores_per_socket       : 1
threads_per_core       : 2
cpu_mhz                : 2596.144
hw_caps                : 078bf3fd:f6d8320b:2dd3fbfd:00000075:00000005:009801a9:00000000:00000000
virt_caps              : {caps}
xen_major              : 4
xen_version            : {version}
xen_caps               : {capabilities}
xen_commandline        : {commandline}
"""


class Dom0:
    """A folder that stands for /, and tools in it."""

    def __init__(self, root: Path, name: str = "epyc-xen-4.17", uuid: str = UUID) -> None:
        self.root = root
        self.host = example(name)
        sets = "xen-cpuid" if name.startswith("epyc") else "xen-cpuid-d"
        for option, kind in (("-d", sets), ("-p", "xen-cpuid-p")):
            self.file(f"printed/{option}", (INPUTS / f"{name}.{kind}.txt").read_text())
        self.tool("xen-cpuid", f'exec cat "{root}/printed/$1"')
        self.tool("xl", f'exec cat "{root}/printed/xl"')
        hvm = "pv hvm hap shadow" if self.host.hvm else "pv"
        self.xl(hvm)
        self.file("proc/cpuinfo", (INPUTS / "epyc-xen-4.17.cpuinfo.txt").read_text())
        self.file("etc/xensource-inventory", f"PRODUCT='x'\nINSTALLATION_UUID='{uuid}'\n")
        (root / "var" / "lib" / "xcp").mkdir(parents=True)

    @property
    def socket(self) -> Path:
        return self.root / "var" / "lib" / "xcp" / "xapi"

    def xl(self, caps: str) -> None:
        xen = self.host.xen
        text = XL_INFO.format(
            name="xs-00",
            caps=caps,
            version=xen.version,
            capabilities=xen.capabilities,
            commandline=xen.commandline,
        )
        self.file("printed/xl", text)

    def file(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def tool(self, name: str, script: str) -> None:
        self.file(f"bin/{name}", f"#!/bin/sh\n{script}\n")
        (self.root / "bin" / name).chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.root}/bin:/usr/bin:/bin",
            "XENOPS_CPU_COLLECT_ROOT": str(self.root),
            "PYTHONPATH": str(ROOT / "tests" / "support" / "dom0"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, interpreter: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [interpreter, str(SCRIPT), *arguments],
            env=self.environment,
            capture_output=True,
            timeout=60,
            check=False,
        )

    def plugin(self, interpreter: str, session: str, function: str) -> Any:
        """As xapi runs a plug-in: the value, or the ErrorDescription as Refused."""
        call = xmlrpc.client.dumps((session, {}), function)
        done = self.run(interpreter, call)
        assert done.returncode == 0, done.stderr
        ((answer,), _) = xmlrpc.client.loads(done.stdout)
        assert isinstance(answer, Mapping)
        if answer["Status"] == "Success":
            return answer["Value"]
        raise Refused(*answer["ErrorDescription"])


@pytest.fixture
def dom0(tmp_path: Path) -> Dom0:
    return Dom0(tmp_path / "epyc")


@contextmanager
def xapi(*dom0s: Dom0) -> Iterator[World]:
    """One world behind the socket of each dom0."""
    world = two_hosts()
    world.passwords["root"] = ""
    world.roles["root"] = "pool-admin"
    first, *others = dom0s
    with serving(world, path=first.socket):
        for other in others:
            other.socket.symlink_to(first.socket)
        yield world


def collected(dom0: Dom0, interpreter: str, *options: str) -> tuple[Host, dict[str, Any]]:
    done = dom0.run(interpreter, *options, "-")
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    return capture.load(text), json.loads(text)["host"]["collected"]


def same(host: Host, expected: Host) -> None:
    assert host.featuresets == expected.featuresets
    assert host.policies == expected.policies
    assert (host.xen, host.hvm, host.iommu) == (expected.xen, expected.hvm, expected.iommu)


def test_the_capture_is_the_one_made_by_libxc(dom0: Dom0, interpreter: str) -> None:
    """All six sets and policies, Xen and processor as they are in the shipped example."""
    host, _ = collected(dom0, interpreter)
    same(host, dom0.host)
    assert host.processor == dom0.host.processor
    topology = host.topology
    assert (topology.cpu_count, topology.socket_count) == (4, 2)
    assert (topology.threads_per_core, topology.nr_nodes) == (2, 2)


def test_a_host_without_hvm(tmp_path: Path, interpreter: str) -> None:
    """xen-cpuid -d itself, with its lines by name between the sets."""
    dom0 = Dom0(tmp_path, "ivybridge-xen-4.17")
    same(collected(dom0, interpreter)[0], dom0.host)


@needs_shared
@pytest.mark.parametrize("folder", ["captures", "captures-4.20"])
def test_every_host_that_was_recorded(tmp_path: Path, folder: str) -> None:
    """What libxc gave in the same boot is what the printed texts come to."""
    dom0 = Dom0(tmp_path)
    for record in sorted((SHARED / "xen-real" / folder).glob("*.json")):
        for option in ("-d", "-p"):
            text = record.with_suffix(f".xen-cpuid{option}.txt").read_text()
            dom0.file(f"printed/{option}", text)
        host, _ = collected(dom0, sys.executable)
        document = json.loads(record.read_text())
        sets = {"pv_default": "pv", "hvm_default": "hvm"}
        for name in ("raw", "host", "pv_default", "hvm_default", "pv_max", "hvm_max"):
            words = document["featuresets"][sets.get(name, name)]
            found = getattr(host.featuresets, name)
            assert (found or Featureset()).bits == Featureset.parse("-".join(words)).bits, (
                record.name
            )


def test_the_program_reads_what_was_collected(dom0: Dom0, tmp_path: Path) -> None:
    """`read` and `info --source recorded:` answer from the file."""
    file = tmp_path / "xs-00.json"
    assert dom0.run(sys.executable, str(file)).returncode == 0
    read = run("read", str(file))
    assert read.returncode == 0
    assert "xs-00" in read.stdout
    info = run("info", "--source", f"recorded:{file}")
    assert info.returncode == 0
    assert "AMD EPYC Processor" in info.stdout
    assert "collected in its dom0" in info.stdout


def test_microcode_is_told(dom0: Dom0, interpreter: str) -> None:
    """By dom0's kernel, and by Xen's own tool where it is there."""
    host, extra = collected(dom0, interpreter)
    assert extra["microcode"] == {"cpuinfo": "0x1000065"}
    assert any("0x1000065" in note for note in host.notes)
    dom0.tool("xen-ucode", "echo 'CPU signature 00-80-0f-12 revision 0x08001227'")
    assert "revision 0x08001227" in collected(dom0, interpreter)[1]["microcode"]["xen-ucode"]


def test_the_copy_made_at_boot_counts(dom0: Dom0, interpreter: str) -> None:
    """xapi's own habit: dom0's present file changes with its virtual CPUs."""
    dom0.file(
        "etc/xensource/boot_time_cpus", "processor : 0\nmodel name : as at boot\n\nmodel name: no"
    )
    assert collected(dom0, interpreter)[0].processor.modelname == "as at boot"


def test_a_xen_before_4_14(dom0: Dom0, interpreter: str) -> None:
    """It has no max sets, and other names."""
    dom0.file(
        "printed/-d",
        "nr_features: 2\n\nStatic sets:\nKnown  ffffffff:ffffffff\n\nDynamic sets:\n"
        "Raw                             178bfbff:80002001\n"
        "  [00] CPUID 0x00000001.edx     fpu vme de\n"
        "Host                            178bfbff:80002000\n"
        "PV                              1fc9cbf5:80002000\n"
        "HVM featureset not supported by Xen\n",
    )
    host, _ = collected(dom0, interpreter)
    assert str(host.featuresets.raw) == "178bfbff-80002001"
    assert str(host.featuresets.pv_default) == "1fc9cbf5-80002000"
    assert host.featuresets.pv_max is None
    assert host.featuresets.hvm_default.length == 0
    assert "not told: the sets hvm_default" in host.notes


def test_an_iommu(dom0: Dom0) -> None:
    """By xl's virt_caps; without them it is said to be unknown."""
    dom0.xl("pv hvm hvm_directio pv_directio")
    assert collected(dom0, sys.executable)[0].iommu
    dom0.xl("")
    host, _ = collected(dom0, sys.executable)
    assert host.hvm
    assert "not told: whether there is an IOMMU" in host.notes


def test_records_of_xapi(dom0: Dom0, interpreter: str) -> None:
    """This host's own, by its UUID; logged out."""
    with xapi(dom0) as world:
        host, extra = collected(dom0, interpreter)
        assert world.sessions == {}
    record = extra["xapi"]["host"]
    assert record["uuid"] == UUID
    assert record["cpu_info"]["features_hvm"]
    assert "license_params" not in record
    assert extra["xapi"]["pool"]["name_label"] == "Zürich"
    assert host.origin.startswith("xs-00, collected in its dom0 on ")


def test_without_xen_cpuid_xapis_record_is_taken(dom0: Dom0, interpreter: str) -> None:
    """And what it does not tell is said."""
    (dom0.root / "bin" / "xen-cpuid").unlink()
    with xapi(dom0):
        host, _ = collected(dom0, interpreter)
    info = stored(example())
    assert str(host.featuresets.hvm_default) == info["features_hvm_host"]
    assert str(host.featuresets.pv_max) == info["features_pv"]
    assert host.featuresets.raw.length == 0
    assert any("neither raw nor host" in note for note in host.notes)
    assert any("xen-cpuid -d: No such file" in note for note in host.notes)


@pytest.mark.parametrize("trouble", ["no xapi", "another UUID", "no inventory"])
def test_xapi_in_trouble(dom0: Dom0, interpreter: str, trouble: str) -> None:
    """The host is collected all the same, and a note says what is missing."""
    if trouble == "no xapi":
        dom0.socket.touch()
        host, extra = collected(dom0, interpreter)
    else:
        text = "INSTALLATION_UUID='b0000000-0000-4000-8000-000000000000'"
        dom0.file("etc/xensource-inventory", text if trouble == "another UUID" else "")
        with xapi(dom0):
            host, extra = collected(dom0, interpreter)
    same(host, dom0.host)
    assert extra["xapi"] == {}
    assert any("xapi's records are not known" in note for note in host.notes)


def test_no_featuresets_at_all(dom0: Dom0, interpreter: str) -> None:
    """One sentence and exit code 3."""
    dom0.tool("xen-cpuid", "echo 'xc_interface_open: Permission denied' >&2; exit 1")
    done = dom0.run(interpreter, "-")
    assert done.returncode == 3
    assert done.stdout == b""
    assert b"no featuresets: xen-cpuid -d: xc_interface_open: Permission denied" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, b"required: FILE"),
        (["--pool", "--no-xapi", "-"], 2, b"does not go with --no-xapi"),
        (["/none/file"], 3, b"cannot write /none/file: No such file"),
        (["--pool", "-"], 3, b"xapi, session.login_with_password: "),
    ],
)
def test_mistakes(
    dom0: Dom0, interpreter: str, arguments: list[str], code: int, words: bytes
) -> None:
    """Each in a sentence."""
    done = dom0.run(interpreter, *arguments)
    assert done.returncode == code
    assert words in done.stderr
    assert b"Traceback" not in done.stderr


# --- the plug-in


def test_as_a_plug_in_of_xapi(dom0: Dom0, interpreter: str) -> None:
    """Called as xapi calls plug-ins, with the session that xapi gives."""
    with xapi(dom0) as world:
        session = world.call("session.login_with_password", ("root", ""))
        text = dom0.plugin(interpreter, session, "capture")
        assert list(world.sessions) == [session]
    same(capture.load(text), dom0.host)
    assert json.loads(text)["host"]["collected"]["xapi"]["host"]["uuid"] == UUID


def test_a_plug_in_that_fails(dom0: Dom0, interpreter: str) -> None:
    """With xapi's form of a failure."""
    (dom0.root / "bin" / "xen-cpuid").unlink()
    dom0.file("etc/xensource-inventory", "")
    with xapi(dom0) as world:
        session = world.call("session.login_with_password", ("root", ""))
        with pytest.raises(Refused) as caught:
            dom0.plugin(interpreter, session, "capture")
    assert caught.value.description[0] == "XENOPS_CPU_COLLECT"
    assert caught.value.description[1].startswith("no featuresets: ")


@contextmanager
def a_pool(tmp_path: Path, interpreter: str) -> Iterator[tuple[World, list[Dom0]]]:
    """Two hosts with the plug-in."""
    other = UUID.replace("a0000000", "a0000001")
    dom0s = [Dom0(tmp_path / "0"), Dom0(tmp_path / "1", "ivybridge-xen-4.17", other)]
    with xapi(*dom0s) as world:

        def plugin(host: str, name: str, function: str, _arguments: object) -> str:
            assert name == "xenops-cpu-collect"
            dom0 = dom0s[int(host[-1])]
            session = world.call("session.login_with_password", ("root", ""))
            return str(dom0.plugin(interpreter, session, function))

        world.plugin = plugin
        yield world, dom0s


def test_a_pool_by_one_call(tmp_path: Path, interpreter: str) -> None:
    """The plug-in of any host asks those of all; the program reads what comes."""
    with a_pool(tmp_path, interpreter) as (world, dom0s):
        world.put("VM_metrics", "OpaqueRef:v1-metrics", {"nomigrate": True})
        packed = world.plugin("OpaqueRef:h1", "xenops-cpu-collect", "pool", {})
    file = tmp_path / "pool.tar.gz"
    file.write_bytes(base64.b64decode(packed))
    read = run("read", str(file), "--json")
    assert read.returncode == 0
    (document,) = json.loads(read.stdout)
    assert [host["name"] for host in document["hosts"]] == ["xs-00", "xs-01"]
    assert [vm["name"] for vm in document["vms"]] == ["web-01 <&> é漢", "asleep"]
    assert document["vms"][0]["home"] == document["hosts"][0]["uuid"] == UUID
    assert document["vms"][0]["immobile"] == "platform:nomigrate is set"
    with tarfile.open(file) as archive:
        for name, dom0 in zip(("xs-00.json", "xs-01.json"), dom0s, strict=True):
            member = archive.extractfile(name)
            assert member is not None
            same(capture.load(member.read().decode()), dom0.host)


def test_a_pool_from_the_shell(tmp_path: Path, interpreter: str) -> None:
    """A host that is away is named, and exit code 1 says that not all are there."""
    with a_pool(tmp_path, interpreter) as (world, (dom0, _)):
        whole = world.plugin

        def half(host: str, *rest: object) -> str:
            if host == "OpaqueRef:h1":
                raise Refused("HOST_OFFLINE", host)
            return whole(host, *rest)

        world.plugin = half
        done = dom0.run(interpreter, "--pool", str(tmp_path / "pool.tar.gz"))
        assert done.returncode == 1
        assert b"not collected: xs-01: xapi, host.call_plugin: HOST_OFFLINE" in done.stderr
        world.plugin = lambda *_: ""
    with tarfile.open(tmp_path / "pool.tar.gz") as archive:
        assert archive.getnames() == ["vms.json", "xs-00.json"]


def test_no_host_of_the_pool_has_the_plug_in(dom0: Dom0, interpreter: str) -> None:
    """Exit code 3, nothing written, each host named."""
    with xapi(dom0):
        done = dom0.run(interpreter, "--pool", "-")
    assert done.returncode == 3
    assert done.stdout == b""
    assert b"xs-00: xapi, host.call_plugin: XENAPI_MISSING_PLUGIN" in done.stderr


def test_it_is_one_file_for_python_3_6() -> None:
    """By its grammar, and by what it imports: the standard library of 3.6."""
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 6))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        alias.name.partition(".")[0]
        for node in imports
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not [node for node in imports if isinstance(node, ast.ImportFrom)]
    assert names - {"XenAPIPlugin"} <= set(sys.stdlib_module_names)
    assert SCRIPT.stat().st_mode & 0o111
