"""The command line and the service decide nothing apart: random pools, asked both ways."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_no_wrong_answer import made
from tests.service.test_pools import client
from tests.service.test_service import Broken
from tests.support.world import World, WorldHost
from xenops_cpu.cli.main import main
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.cpuid.words import guest_featureset
from xenops_cpu.features.release import release
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.inputs import resolve
from xenops_cpu.interface import GuestType, PoolHost, PoolVm
from xenops_cpu.service.answers import as_json

SEEDS = range(8)
RELEASES = {10: "4.12", 11: "4.13", 18: "4.15", 19: "4.17", 22: "xenserver-8.2", 23: "xenserver-8"}
TYPES = {"pv": GuestType.PV, "hvm": GuestType.HVM, "pvh": GuestType.HVM, "pv_in_pvh": GuestType.HVM}


class Asked:
    """One pool, asked on the command line and over the wire."""

    def __init__(self, seed: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        dice = random.Random(seed)
        self.world = made(dice)
        self.versions = dice.random() < 0.5
        for vm in self.world.vms:  # the service is told flags and type, and nothing else
            vm.fields["power_state"] = "Running"
            vm.platform, vm.metrics, vm.home = {}, {}, None
        if self.versions:
            for host in self.world.hosts:
                host.xen = release(RELEASES[_length(host)]).version
        self.folder, self.capsys = folder, capsys
        self.client = client(source=Broken())

    def file(self, name: str, world: World) -> str:
        path = self.folder / name
        path.write_text(world.database())
        return str(path)

    def line(self, *arguments: str) -> dict[str, Any]:
        self.capsys.readouterr()
        assert main([*arguments, "--json"]) in (0, 1, 11, 12, 13)
        document: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return document

    def hosts(self, hosts: list[WorldHost]) -> list[PoolHost]:
        return [
            PoolHost(
                host.name,
                host.cpu_info,
                "features_hvm" in host.sets,
                RELEASES[_length(host)] if self.versions else "",
            )
            for host in hosts
        ]

    @property
    def vms(self) -> list[PoolVm]:
        return [PoolVm(v.name, TYPES[v.fields["domain_type"]], v.flags) for v in self.world.vms]


def _length(host: WorldHost) -> int:
    return len(host.sets["features_pv"].split("-"))


@pytest.fixture
def asked(request: pytest.FixtureRequest, tmp_path: Path, capsys: Any) -> Asked:
    return Asked(request.param, tmp_path, capsys)


Pairs = dict[tuple[str, str], dict[str, Any]]


def by_pair(answers: list[dict[str, Any]]) -> Pairs:
    """The command line's answers, with what the contract's have."""
    keys = ("verdict", "compared", "missing", "only_by_max", "problems", "remedies", "notes")
    return {(one["vm"], one["host"]): {key: one[key] for key in keys} for one in answers}


def whole(document: dict[str, Any]) -> Pairs:
    """The contract's answers pair by pair, each feature in its place."""
    pairs = {}
    for answer in document["answers"]:
        said = {key: value for key, value in answer.items() if key not in ("vms", "hosts")}
        for key in ("missing", "only_by_max"):
            said[key] = [document["features"][place] for place in answer[key]]
        pairs.update({(vm, host): said for vm in answer["vms"] for host in answer["hosts"]})
    return pairs


def kept(document: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    """Of the command line's record what the contract's has; it may say more."""
    return {key: document[key] for key in like}


@pytest.mark.parametrize("asked", SEEDS, indirect=True)
def test_check(asked: Asked) -> None:
    """Every pair: verdict, features, reasons, risks, problems and remedies."""
    pool = asked.file("pool.xml", asked.world)
    ours = asked.line("check", pool, pool)["answers"]
    theirs = as_json(asked.client.pool_check("x", asked.vms, asked.hosts(asked.world.hosts)))
    assert by_pair(ours) == whole(theirs)
    verdicts = [
        (row["vm"], host, verdict)
        for row in theirs["rows"]
        for host, verdict in zip(theirs["hosts"], row["verdicts"], strict=True)
    ]
    assert [(one["vm"], one["host"], one["verdict"]) for one in ours] == verdicts


@pytest.mark.parametrize("asked", SEEDS, indirect=True)
def test_level_and_split(asked: Asked) -> None:
    """The featureset, whose rules, costs, losses, the security reading; the best partition."""
    pool = asked.file("pool.xml", asked.world)
    hosts = asked.hosts(asked.world.hosts)
    for level in asked.line("level", pool)["levels"]:
        guest = GuestType[level["guest_type"].upper()]
        answer = as_json(asked.client.pool_level("x", hosts, guest))
        for loss in level["losses"]:
            del loss["group"]
        assert kept(level, answer) == answer
    for split in asked.line("split", pool, "--parts", "3", "--type", "pv")["splits"]:
        answer = as_json(asked.client.pool_split("x", hosts, GuestType.PV, 3))
        for part in split["parts"]:
            del part["features"]
        assert kept(split, answer) == answer


@pytest.mark.parametrize("change", ["join", "leave"])
@pytest.mark.parametrize("asked", SEEDS, indirect=True)
def test_plan(asked: Asked, change: str) -> None:
    """Levels that change, VMs that are touched, and why."""
    every, rest = asked.world.hosts, asked.world.hosts[:-1]
    last = World([every[-1]])
    vms = asked.file("vms.xml", World(vms=asked.world.vms))
    before, after = (rest, every) if change == "join" else (every, rest)
    pool = asked.file("pool.xml", World(before))
    name = asked.file("last.xml", last) if change == "join" else every[-1].name
    ours = asked.line("plan", change, name, "--pool", pool, "--vm", vms)
    own = len(ours["vms"])
    ours["vms"] = [vm for vm in ours["vms"] if not vm["vm"].startswith("a VM started")]
    assert own - len(ours["vms"]) <= 2
    theirs = as_json(
        asked.client.pool_plan("x", asked.hosts(before), asked.hosts(after), asked.vms)
    )
    for line, answer in zip(ours["changes"], theirs["changes"], strict=True):
        line["guest_type"] = line["guest_type"].capitalize()
        assert kept(line, answer) == answer
    refusals = [refusal for vm in ours["vms"] for refusal in vm.pop("refusals")]
    assert by_pair(refusals) == whole(theirs)
    assert ours["vms"] == theirs["vms"]
    started = [name for name in ours["homeless"] if name.startswith("a VM started")]
    assert [name for name in ours["homeless"] if name not in started] == theirs["homeless"]


@pytest.mark.parametrize("asked", SEEDS, indirect=True)
def test_audit(asked: Asked) -> None:
    """What of a stored record of the pool is not as it should be."""
    hosts = asked.hosts(asked.world.hosts)
    stored = asked.client.pool_get_cpu_info("x", hosts)
    for key in ("features_hvm_host", "features_pv_host"):
        stored[key] = stored[key].replace("1", "0", 1)
    asked.world.pool = stored
    pool = asked.file("pool.xml", asked.world)
    ours = [
        {key: value for key, value in finding.items() if key != "record"}
        for finding in asked.line("audit", pool)["findings"]
    ]
    assert ours == [as_json(finding) for finding in asked.client.pool_audit("x", stored, hosts)]


# Leaf limits

# How the CPU saves x87 state is the host's business: no set that a guest is given has it.
X87_NAMES = ("FDP_EXCP_ONLY", "NO_FPU_SEL")
UNCOMPARED = "the highest CPUID leaves were not compared: no policy is known"
HOSTS = [
    f"cpu:{cpu}@{xen}"
    for xen in ("4.14", "4.15", "4.17", "master")
    for cpu in ("xeon-w7-2475x", "xeon-gold-6154", "xeon-x5667")
]


def test_limits_are_all_that_the_service_cannot_know(tmp_path: Path, capsys: Any) -> None:
    """VMs by their policies and hosts with theirs on one side, their records on the other: one
    verdict, but where Xen refuses a limit; and there the service says that it did not compare.
    """
    vms, flags = [], []
    for place, host in enumerate(HOSTS[:6]):
        assert main(["vm", host, "--text"]) == 0
        path = tmp_path / f"{place}.policy"
        path.write_text(capsys.readouterr().out)
        policy = Policy.parse(path.read_text())
        (known,) = resolve(host).hosts
        xen = known.host.release
        words = str(guest_featureset(policy, xen) - xen.featureset(X87_NAMES))
        vms.append(str(path))
        record = {"vendor": known.host.vendor, "features": words}
        flags.append(PoolVm(path.name, GuestType.HVM, record))
    pool = []
    for host in HOSTS:
        (known,) = resolve(host).hosts
        info = xapi_map(cpu_info(known.host))
        pool.append(PoolHost(host, info, True, known.host.release.name))
    theirs = whole(as_json(client(source=Broken()).pool_check("x", flags, pool)))
    refused = 0
    for vm in vms:
        assert main(["check", vm, *HOSTS, "--type", "hvm", "--json"]) in (0, 11, 12, 13)
        ours = json.loads(capsys.readouterr().out)["answers"]
        for host, line in zip(HOSTS, ours, strict=True):
            answer = theirs[line["vm"], host]
            for key in ("missing", "only_by_max"):  # with other reasons: a simulation knows more
                names = [[one["name"] for one in said[key]] for said in (line, answer)]
                assert names[0] == names[1]
            assert UNCOMPARED in answer["notes"]
            assert UNCOMPARED not in line["notes"]
            limits = [text for text in line["problems"] if "highest" in text]
            refused += bool(limits)
            assert line["problems"] == [*limits, *answer["problems"]]
            assert line["verdict"] == ("Impossible" if limits else answer["verdict"])
            assert bool(line["arrival"]["refused"]) == bool(limits)
    assert 5 < refused < len(vms) * len(HOSTS) / 2
