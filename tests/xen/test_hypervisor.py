"""The service in the dom0 of real, booted Xens, asked from outside and compared with xen-cpuid."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.support import layout
from tests.xen.compare import TITLES, Observed, differences, observe
from tests.xen.image import Image, prepare
from tests.xen.machine import ROOT, Machine, build_wheel
from tests.xen.packages import Unavailable
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts import capture
from xenops_cpu.hosts.cpu_info import host_stat
from xenops_cpu.hosts.host import Host
from xenops_cpu.sources.libxc import is_dom0
from xenops_cpu.sources.recorded import Example, Recorded

pytestmark = pytest.mark.slow

CAPTURES = ROOT.parent / "shared" / "xen-real"


@frozen
class Boot:
    """A CPU model and a command line. `example` is the shipped capture of the same, with Xen
    `release`; `independent` the capture that another program took.
    """

    cpu: str
    xen_args: str
    example: str
    independent: str
    release: str = "4.17"
    suite: str = ""


BOOTS = (
    # SVM is emulated: HVM sets are not empty.
    Boot("EPYC", "", "epyc-xen-4.17", "captures/EPYC"),
    # RDRAND is in max and not in default.
    Boot("IvyBridge", "", "ivybridge-xen-4.17", "captures/IvyBridge"),
    Boot("Skylake-Server", "", "skylake-server-xen-4.17", "captures/Skylake-Server"),
    # AVX is hidden from guests unless the command line says otherwise.
    Boot(
        "Haswell", "spec-ctrl=no-gds-mit", "haswell-no-gds-mit-xen-4.17", "captures/Haswell-nogds"
    ),
    # Other libraries, another hypervisor, another Python in dom0.
    Boot("EPYC", "", "epyc-xen-4.20", "captures-4.20/EPYC", "4.20", "trixie"),
)


@pytest.fixture(scope="module", params=BOOTS, ids=lambda boot: f"{boot.example}")
def boot(request: pytest.FixtureRequest) -> Boot:
    assert isinstance(request.param, Boot)
    return request.param


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Image, Path]]:
    """A function from a suite to its image and this project's wheel for it; made once."""

    @cache
    def make(suite: str) -> tuple[Image, Path]:
        image = prepare(suite)
        return image, build_wheel(image, tmp_path_factory.mktemp("wheel"))

    return make


@pytest.fixture(scope="module")
def image(boot: Boot, prepared: Callable[[str], tuple[Image, Path]]) -> Image:
    try:
        return prepared(boot.suite)[0]
    except Unavailable as error:
        pytest.skip(f"no Xen to boot here: {error}")


@pytest.fixture(scope="module")
def app(image: Image, boot: Boot, prepared: Callable[[str], tuple[Image, Path]]) -> Path:
    return prepared(boot.suite)[1]


@pytest.fixture(scope="module")
def machine(image: Image, app: Path, boot: Boot) -> Iterator[Machine]:
    with Machine(image, app, boot.cpu, boot.xen_args) as booted:
        yield booted


@pytest.fixture(scope="module")
def observed(machine: Machine) -> Observed:
    return observe(machine)


def test_xen_cpuid_is_a_source(machine: Machine, observed: Observed) -> None:
    """Without the binding the same sets, policies and version come from Xen's own tool."""
    printed = machine.run("python", "/probe.py", "printed")
    assert printed.code == 0, printed.stderr
    host = capture.load(printed.stdout)
    assert host.featuresets == observed.host.featuresets
    assert host.policies == observed.host.policies
    assert host.xen.version == observed.host.xen.version
    assert host.hvm == observed.host.hvm
    assert any("what xl tells (there is no xl here)" in note for note in host.notes)


def test_all_agree(observed: Observed) -> None:
    """Six sets, six policies and the service's answer are what xen-cpuid prints in that dom0."""
    assert differences(observed) == []
    assert set(observed.sets) == set(observed.policies) == set(TITLES)


def test_the_expected_is_there(observed: Observed, boot: Boot) -> None:
    """These boots show what they were chosen for, so that the comparison means something."""
    sets = observed.host.featuresets
    names = observed.host.release.names
    assert sets.pv_max is not None
    assert sets.hvm_max is not None
    beyond = names(sets.pv_max - sets.pv_default)
    assert {"HTT", "CMP_LEGACY"} <= set(beyond)
    if boot.cpu == "EPYC":
        assert observed.host.hvm
        assert "SVM" in names(sets.hvm_max - sets.hvm_default)
    else:
        assert not observed.host.hvm
        assert not sets.hvm_max
    assert ("RDRAND" in beyond) == (boot.cpu == "IvyBridge")
    assert ("AVX" in names(sets.pv_default)) == (boot.cpu in ("EPYC", "Haswell"))


def test_both_wires_answer_the_same(machine: Machine, observed: Observed) -> None:
    """JSON-RPC and XML-RPC give the same record, from outside the machine."""
    assert machine.service("jsonrpc").host_get_cpu_info("json") == observed.cpu_info


def test_what_xen_says_of_itself(observed: Observed, boot: Boot) -> None:
    """Version, capabilities, command line and counts are the booted hypervisor's."""
    host = observed.host
    assert host.xen.version.startswith("4.")
    assert "xen-3.0-x86_64" in host.xen.capabilities.split()
    assert ("hvm-3.0-x86_64" in host.xen.capabilities.split()) == host.hvm
    assert "smap=hvm" in host.xen.commandline.split()
    assert boot.xen_args in host.xen.commandline
    assert host.topology.cpu_count == host.topology.socket_count == 1
    assert host.topology.nr_nodes == 1
    assert not host.iommu


def test_the_capture_replays(observed: Observed, tmp_path: Path) -> None:
    """Served here from its capture, the host gives the record that it gave there."""
    file = tmp_path / "host.json"
    file.write_text(observed.capture)
    assert host_stat(Recorded(file).read()).cpu_info == observed.cpu_info


def test_as_recorded_before(observed: Observed, boot: Boot, image: Image) -> None:
    """The sets and policies are those of the shipped capture of such a boot."""
    if image.release != boot.release:
        pytest.skip(f"the shipped capture is of Xen {boot.release}, this is {image.release}")
    before = Example(boot.example).read()
    assert observed.host.featuresets == before.featuresets
    now = _steady(observed.host)
    assert before.policies
    for name, policy in _steady(before).items():
        assert now[name] == policy, name


def test_as_the_independent_capture(observed: Observed, boot: Boot, image: Image) -> None:
    """A program that is not this one read the same from such a boot."""
    file = CAPTURES / f"{boot.independent}.json"
    if not file.exists() or image.release != boot.release:
        pytest.skip(f"no independent capture of {boot.cpu} beside this project")
    theirs: dict[str, Any] = json.loads(file.read_text())
    names = {"pv_default": "pv", "hvm_default": "hvm"}
    for name in TITLES:
        words = theirs["featuresets"][names.get(name, name)]
        assert getattr(observed.host.featuresets, name) == Featureset.parse("-".join(words)), name
        assert observed.host.policies[name].msrs == {
            int(index, 16): int(value, 16) for index, value in theirs["policies"][name]["msrs"]
        }
    assert observed.host.topology.nr_nodes == theirs["physinfo"]["nr_nodes"]


def test_the_log_names_features(machine: Machine, observed: Observed) -> None:
    """The daemon's log has max − default by name."""
    log = machine.read("/run/daemon.log")
    sets = observed.host.featuresets
    assert sets.pv_max is not None
    beyond = " ".join(observed.host.release.names(sets.pv_max - sets.pv_default))
    assert f"PV max − default: {beyond}" in log


@pytest.mark.parametrize("suite", sorted({boot.suite for boot in BOOTS}))
def test_layout_against_the_headers(
    suite: str, prepared: Callable[[str], tuple[Image, Path]], tmp_path: Path
) -> None:
    """Size and offset of every member of the binding are those of each release's headers."""
    try:
        headers = prepared(suite)[0].sdk / "include"
    except Unavailable as error:
        pytest.skip(f"no Xen headers here: {error}")
    layout.check(headers, tmp_path)


def test_the_same_wheel_without_xen(app: Path) -> None:
    """The wheel that runs in dom0 starts here too: it says what is missing, and simulates."""

    def run(source: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", _MAIN, "capture", "-", "--source", source],
            env=os.environ | {"PYTHONPATH": str(app)},
            cwd=app,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    if is_dom0():
        pytest.skip("this machine is a Xen host")
    refused = run("xen")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (3, "", 1)
    assert re.search(r"libxen\w+\.so|does not run under Xen", refused.stderr)
    assert "--source simulated" in refused.stderr
    simulated = run("simulated")
    assert (simulated.returncode, simulated.stderr) == (0, "")
    assert capture.load(simulated.stdout).featuresets.host


@pytest.mark.parametrize("boot", BOOTS[:1], indirect=True, ids=["EPYC"])
class TestOnce:
    """What does not depend on the CPU model."""

    def test_dom0_is_known_and_quiet(self, machine: Machine, observed: Observed) -> None:
        """In dom0 the source is chosen by itself, and nothing but the answer is written."""
        assert "source: xen" in machine.service().query("which").features
        assert observed.stderr == ""
        done = machine.run("python", "-c", _MAIN, "capture", "-")
        assert (done.code, done.stderr) == (0, "")
        assert capture.load(done.stdout).featuresets == observed.host.featuresets

    def test_a_thousand_reads_leak_nothing(self, machine: Machine) -> None:
        """No descriptor, no mapping and no memory to speak of is left behind."""
        done = machine.run("python", "/probe.py", "measure", "1000")
        assert done.code == 0, done.stderr
        measured = json.loads(done.stdout)
        assert measured["growth_fds"] == 0, measured
        assert measured["growth_maps"] <= 0, measured
        assert measured["growth_kib"] < 256, measured
        assert done.stderr == ""

    def test_failed_reads_leak_nothing(self, machine: Machine) -> None:
        """The handle is closed when a call in the middle of a read fails."""
        done = machine.run("python", "-c", _FAILING_READS)
        assert (done.code, done.stdout.strip(), done.stderr) == (0, "200 failed, 0 left", "")

    def test_without_permission(self, machine: Machine) -> None:
        """Another user is told to run it as root, in one line."""
        done = machine.run("python", "-c", f"import os; os.setuid(65534)\n{_MAIN}", "capture", "-")
        assert done.code == 3
        assert done.stderr.count("\n") == 1
        assert "privcmd" in done.stderr
        assert "root" in done.stderr

    def test_without_the_device(self, machine: Machine) -> None:
        """Without privcmd the remedy names the kernel module, and libxc writes nothing itself."""
        done = machine.run("/bin/busybox", "sh", "-c", _WITHOUT_DEVICE, "sh", _MAIN)
        assert done.code == 3
        assert done.stderr.count("\n") == 1
        assert "modprobe xen-privcmd" in done.stderr


@pytest.mark.parametrize("boot", BOOTS[:1], indirect=True, ids=["EPYC"])
def test_a_change_is_seen_and_named(image: Image, app: Path) -> None:
    """A CPU taken down in the running Xen is out of the answers seconds later, and in the log."""
    with Machine(image, app, "EPYC", smp=2) as machine:
        service = machine.service()
        assert service.host_get_cpu_info("before").cpu_count == 2
        done = machine.run("python", "-c", _TAKE_DOWN)
        assert done.code == 0, done.stderr
        start = time.monotonic()
        while service.host_get_cpu_info("after").cpu_count == 2:
            assert time.monotonic() - start < 10, "the old answer is still served"
            time.sleep(0.2)
        assert "topology.cpu_count has changed: 2 → 1" in machine.read("/run/daemon.log")


_TAKE_DOWN = """
import ctypes, glob, sys
libxc = ctypes.CDLL(glob.glob("/usr/lib/x86_64-linux-gnu/libxenctrl.so.4.*")[0])
libxc.xc_interface_open.restype = ctypes.c_void_p
handle = ctypes.c_void_p(libxc.xc_interface_open(None, None, 0))
sys.exit(libxc.xc_cpu_offline(handle, 1) != 0)
"""

_MAIN = "import sys; from xenops_cpu.cli.main import main; sys.exit(main(sys.argv[1:]))"

_FAILING_READS = """
import os
from xenops_cpu.sources import libxc_errors, xen
def count(): return len(os.listdir("/proc/self/fd"))
xen.FEATURESETS["raw"] = 99
before, failed = count(), 0
for _ in range(200):
    try:
        xen.XenSource().read()
    except libxc_errors.XenError:
        failed += 1
print(f"{failed} failed, {count() - before} left")
"""

_WITHOUT_DEVICE = """
mv=/bin/busybox
$mv mv /dev/xen/privcmd /dev/xen/away
/usr/bin/python3.* -c "$1" capture - --source xen
code=$?
$mv mv /dev/xen/away /dev/xen/privcmd
exit $code
"""


def _steady(host: Host) -> dict[str, Policy]:
    """Policies without the leaves of hypervisors, which speak of the boot and not of the CPU."""
    return {
        name: Policy(
            {key: leaf for key, leaf in policy.leaves.items() if key[0] >> 24 != 0x40}, policy.msrs
        )
        for name, policy in host.policies.items()
    }
