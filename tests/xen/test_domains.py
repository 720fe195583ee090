"""Domains made by libxc in booted Xens: read through the service's own binding, and predicted."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from attrs import frozen

from tests.xen.compare import LEAF, MSR
from tests.xen.image import Image, prepare
from tests.xen.machine import HERE, Machine, Ran, build_wheel
from tests.xen.packages import Unavailable
from xenops_cpu.cpuid.cpu import cpu_of
from xenops_cpu.cpuid.identity import AMD, REGISTERS
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.derivation import Machine as Hardware
from xenops_cpu.derivation import Options, derive
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.guests import hypervisor
from xenops_cpu.guests.changes import changes
from xenops_cpu.guests.domain import Config, Domain
from xenops_cpu.guests.hypervisor import Build, Hypervisor
from xenops_cpu.guests.instruction import cpuid
from xenops_cpu.guests.libxc import apply
from xenops_cpu.guests.setting import create
from xenops_cpu.guests.strings import XendLeaf
from xenops_cpu.guests.vcpu import Vcpu
from xenops_cpu.guests.wishes import Wishes
from xenops_cpu.hosts import capture
from xenops_cpu.hosts.host import Host
from xenops_cpu.interface import DoesNotExist

pytestmark = pytest.mark.slow

DEBIAN = Build(shadow=False, pv32=False)
NO_SSE3 = "x" * 31 + "0"
# What each domain is made with: words of make_domains.c.
SPECS = (
    "pv", "pv restore", "pv itsc", "hvm", "hvm nopae", "hvm itsc restore", "pvh",
    "hvm fs=@LESS", "pv fs=@LESS", "pvh fs=@HOST", f"hvm xend=1:-:ecx:{NO_SSE3}",
    f"pv xend=7:0:ebx:{'0' * 32}", f"hvm xend=14:0:eax:{NO_SSE3}",
)  # fmt: skip
LEAVES = (
    *((leaf, 0) for leaf in (*range(0x10), 0x40000000, 0x40000001, 0x40000006)),
    *((leaf, 0) for leaf in range(0x80000000, 0x80000022)),
    *((4, subleaf) for subleaf in range(1, 7)), *((7, 1), (7, 2), (0xB, 1), (0xB, 2)),
    *((0xD, subleaf) for subleaf in range(1, 10)), (0x12345, 0),
)  # fmt: skip

# Unpacks the files and runs the first one: dom0's agent carries text only.
_RUN = """
import base64, os, subprocess, sys, zlib
for path, content in (("/tmp/make", sys.argv[1]), ("/tmp/guest", sys.argv[2])):
    with open(path, "wb") as file:
        file.write(zlib.decompress(base64.b64decode(content)))
os.chmod("/tmp/make", 0o755)
done = subprocess.run(["/tmp/make", *sys.argv[4:]], input=sys.argv[3], capture_output=True,
                      text=True)
sys.stderr.write(done.stderr)
sys.stdout.write(done.stdout)
sys.exit(done.returncode)
"""


@frozen
class Boot:
    """A CPU model, and the suite that has the Xen."""

    cpu: str
    suite: str = ""


BOOTS = (Boot("EPYC"), Boot("Skylake-Server,+svm,+npt"), Boot("EPYC", "trixie"))


@frozen
class Made:
    """A booted Xen with a domain for each of SPECS. `made`: its id and what libxc returned."""

    machine: Machine
    host: Host
    made: dict[str, tuple[int, int]]
    policies: dict[int, Policy]
    programs: tuple[str, str]

    def run(self, leaves: str, *specs: str) -> Ran:
        return self.machine.run("python", "-c", _RUN, *self.programs, leaves, *specs)


def packed(path: Path) -> str:
    return base64.b64encode(zlib.compress(path.read_bytes())).decode()


def programs(image: Image, folder: Path) -> tuple[str, str]:
    """make_domains.c for the image's Xen, and the guest."""
    target, code, guest = folder / "make", folder / "guest.o", folder / "guest"
    for command in (
        ["gcc", "-O1", "-Wall", "-Werror", "-I", image.sdk / "include", "-o", target,
         HERE / "make_domains.c", "-L", image.sdk / "lib", "-lxenctrl", "-lxenguest",
         "-Wl,--allow-shlib-undefined"],
        ["as", "--32", "-o", code, HERE / "guest.S"],
        ["objcopy", "-O", "binary", "-j", ".text", code, guest],
    ):  # fmt: skip
        subprocess.run(list(map(str, command)), check=True, timeout=60)
    return packed(target), packed(guest)


def specs(host: Host) -> list[str]:
    """SPECS with the featuresets of this host."""
    default = host.featuresets.hvm_default
    less = default - host.release.featureset(["SSE4_2", "XSAVE", "CLFLUSH"])
    sets = {"@LESS": str(less), "@HOST": str(host.featuresets.host)}
    return [re.sub("@[A-Z]+", lambda match: sets[match[0]], spec) for spec in SPECS]


@pytest.fixture(scope="module", params=BOOTS, ids=lambda boot: f"{boot.cpu}-{boot.suite}")
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    boot: Boot = request.param
    folder = tmp_path_factory.mktemp("domains")
    try:
        image = prepare(boot.suite)
        app = build_wheel(image, folder)
    except Unavailable as error:
        pytest.skip(f"no Xen can be booted here: {error}")
    with Machine(image, app, boot.cpu) as machine:
        host = capture.load(machine.run("python", "/probe.py", "capture").stdout)
        wanted = specs(host)
        tools = programs(image, folder)
        ran = machine.run("python", "-c", _RUN, *tools, "", *wanted)
        assert ran.code == 0, ran.stderr
        pairs = [tuple(map(int, line.split())) for line in ran.stdout.splitlines()]
        read = machine.run("python", "/probe.py", "domains")
        assert read.code == 0, read.stderr
        policies = {int(domid): Policy.parse(text) for domid, (_, text) in
                    json.loads(read.stdout).items()}  # fmt: skip
        by_spec = {spec: (pair[0], pair[1]) for spec, pair in zip(wanted, pairs, strict=True)}
        yield Made(machine, host, by_spec, policies, tools)


def hypervisors(host: Host) -> dict[str, Hypervisor]:
    """From the policies that it answered, and derived from its raw one."""
    raw = cpu_of(host.policies["raw"])
    # QEMU's TCG: one CPU; unknown registers read 0 and drop writes.
    hardware = Hardware(registers="inert", sbpb=True, null_seg_clears_base=True, smt=False)
    revision = 0x01000065 if raw.vendor == AMD else 1
    options = Options(cmdline=host.xen.commandline, microcode=revision, machine=hardware)
    return {
        "answered": hypervisor.of_host(host, DEBIAN),
        "derived": hypervisor.of_derivation(derive(raw, host.release, options), DEBIAN),
    }


def predicted(spec: str, xen: Hypervisor) -> tuple[Domain, int]:
    """The domain of a spec, and what libxc returns."""
    words = spec.split()
    values = dict(word.split("=", 1) for word in words if "=" in word)
    xend: tuple[XendLeaf, ...] = ()
    if "xend" in values:
        leaf, subleaf, register, text = values["xend"].split(":")
        a, b, c, d = (text if name == register else None for name in REGISTERS)
        number = 0xFFFFFFFF if subleaf == "-" else int(subleaf, 16)
        xend = (XendLeaf(int(leaf, 16), number, (a, b, c, d)),)
    wishes = Wishes(
        restore="restore" in words,
        itsc="itsc" in words,
        pae="nopae" not in words,
        featureset=Featureset.parse(values["fs"]) if "fs" in values else None,
        xend=xend,
    )
    domain, refusal = apply(create(xen, Config(type=words[0])), wishes)
    return domain, -refusal.errno if refusal else 0


def test_domains_are_as_predicted(made: Made) -> None:
    """Policy and return code of each, from the host's own policies and from a derivation of it."""
    assert len(made.made) == len(SPECS)
    for how, xen in hypervisors(made.host).items():
        for spec, (domid, returned) in made.made.items():
            domain, code = predicted(spec, xen)
            assert (code, how, spec) == (returned, how, spec)
            found = changes(made.policies[domid], domain)
            assert [str(change) for change in found] == [], (how, spec)
            assert list(domain.policy.leaves.items()) == list(
                made.policies[domid].leaves.items()
            ), (how, spec)
            assert domain.policy.msrs == made.policies[domid].msrs


def test_the_specs_mean_something(made: Made) -> None:
    """The domains differ from each other, and one call is refused."""
    texts = {spec: made.policies[domid].text() for spec, (domid, _) in made.made.items()}
    assert len(set(texts.values())) >= 8
    assert [code for _, code in made.made.values() if code] == [-22]


def test_as_xen_cpuid_prints_them(made: Made) -> None:
    """`xen-cpuid -p DOMID` in that dom0 shows the same; it leaves out leaves of zeros."""
    for domid, policy in list(made.policies.items())[:6]:
        text = made.machine.run("/usr/bin/xen-cpuid", "-p", str(domid)).stdout
        leaves = {key: registers for key, registers in policy.leaves.items() if any(registers)}
        assert printed(text) == Policy(leaves, policy.msrs), domid
        count = re.search(r"policy: (\d+) leaves, (\d+) MSRs", text)
        assert count is not None
        assert (int(count[1]), int(count[2])) == (len(policy.leaves), len(policy.msrs))


def test_as_commands_and_callers_have_them(made: Made) -> None:
    """`domain:N`, `domain:all` and HOST.get_domain_policy are what `xen-cpuid -p N` prints."""
    service = made.machine.service()
    listed = made.machine.run("python", "-m", "xenops_cpu", "read", "domain:all", "--json")
    assert listed.code == 0, listed.stderr
    [every] = json.loads(listed.stdout)
    domids = [domid for domid in made.policies if domid]
    assert [vm["name"] for vm in every["vms"]] == [f"domain {domid}" for domid in domids]
    for domid in (domids[0], domids[-1]):
        text = made.machine.run("/usr/bin/xen-cpuid", "-p", str(domid)).stdout
        named = made.machine.run("python", "-m", "xenops_cpu", "vm", f"domain:{domid}", "--text")
        assert named.code == 0, named.stderr
        answered = service.host_get_domain_policy("test", domid)
        for policy in (Policy.parse(named.stdout), Policy.parse(answered.policy)):
            leaves = {key: registers for key, registers in policy.leaves.items() if any(registers)}
            assert printed(text) == Policy(leaves, policy.msrs), domid
    with pytest.raises(DoesNotExist):
        service.host_get_domain_policy("test", 4242)


def test_a_domain_that_comes_back_finds_nothing_changed(made: Made) -> None:
    """`check domain:N` against the host that it runs on: it was read, and all is as before."""
    domid = made.made["hvm"][0]
    ran = made.machine.run(
        "python", "-m", "xenops_cpu", "check", f"domain:{domid}", "xen", "--json"
    )  # fmt: skip
    (answer,) = json.loads(ran.stdout)["answers"]
    assert (ran.code, answer["missing"], answer["only_by_max"]) == (0, [], []), ran.stderr
    arrival = answer["arrival"]
    assert (arrival["predicted"], arrival["unknown"], arrival["refused"]) == ("", "", "")
    assert arrival["changes"] == []


def printed(text: str) -> Policy:
    leaves, msrs = {}, {}
    for line in text.splitlines():
        if match := LEAF.match(line):
            a, b, c, d = (int(value, 16) for value in match[3].split(":"))
            leaves[int(match[1], 16), int(match[2], 16)] = (a, b, c, d)
        elif match := MSR.match(line):
            msrs[int(match[1], 16)] = int(match[2], 16)
    return Policy(leaves, msrs)


def test_what_a_guest_reads(made: Made) -> None:
    """A PVH guest of 61 bytes executes CPUID: each leaf is as predicted."""
    table = "\n".join(f"{leaf:x} {subleaf:x}" for leaf, subleaf in LEAVES)
    ran = made.run(table, "pvh run=/tmp/guest")
    assert (ran.code, ran.stderr) == (0, "")
    _, *lines = ran.stdout.splitlines()
    assert len(lines) == len(LEAVES)
    for xen in hypervisors(made.host).values():
        domain, _ = apply(create(xen, Config(type="pvh")), Wishes())
        assert [line for line in lines if not _as_predicted(line, domain)] == []


def _as_predicted(line: str, domain: Domain) -> bool:
    """What cannot be known beforehand may be anything; leaf dh EBX is the CPU's up to 4.18."""
    leaf, subleaf, *registers = (int(value, 16) for value in line.split())
    answer: Sequence[int | None] = cpuid(domain, leaf, subleaf, Vcpu(long_mode=False, pae=False))
    if leaf == 0xD and subleaf in (0, 1):
        answer = [answer[0], None, *answer[2:]]
    return all(mine in (None, theirs) for mine, theirs in zip(answer, registers, strict=True))
