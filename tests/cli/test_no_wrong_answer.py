"""Never a wrong yes: what a person types, in every notation, against rules of ten lines.

The oracle is xapi's: a VM that is shut down boots wherever its type runs; else the vendor is equal
where the record has one, and the VM's words are within the migration set of its guest type, words
that one side lacks read as zero. A VM that runs and may not be migrated goes nowhere but where it
is; one with a featureset of its own starts where that has no words too many.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.cli.test_cli import run
from tests.support.hosts import example
from tests.support.reports import libxc_stream
from tests.support.world import AMD, INTEL, NOTATIONS, World, WorldHost, WorldVm
from xenops_cpu.cli.main import main
from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy
from xenops_cpu.cpus import shipped
from xenops_cpu.features.featureset import Featureset

LENGTHS = (10, 11, 18, 19, 22, 23)
TYPES = ("pv", "hvm", "pvh", "pv_in_pvh")
CPU_A, CPU_B = "xeon-e5-2696-v3", "core-i7-4930k"


def oracle(world: World, vm: WorldVm, host: WorldHost) -> bool:
    """Ten lines that know nothing of the program."""
    kind = "pv" if vm.current_type == "pv" or vm.fields["domain_type"] == "pv" else "hvm"
    runs = any(int(word, 16) for word in host.sets.get(f"features_{kind}", "0").split("-"))
    if not runs:
        return False
    at_home = vm.home is not None and host is world.hosts[vm.home]
    bound = vm.metrics.get("nomigrate") or vm.platform.get("nested-virt") == "true"
    if bound and vm.fields["power_state"] == "Running" and not at_home:
        return False
    if vm.fields["power_state"] == "Halted" or not vm.flags.get("features"):
        length = host.sets.get(f"features_{kind}_host", "").count("-") + 1
        own = [int(word, 16) for word in vm.platform.get("featureset", "0").split("-")]
        return not any(own[length:])
    if vm.flags["vendor"] != host.vendor:
        return False
    seen = [int(word, 16) for word in vm.flags["features"].split("-")]
    taken = [int(word, 16) for word in host.sets[f"features_{kind}"].split("-")]
    return not any(s & ~(taken[i] if i < len(taken) else 0) for i, s in enumerate(seen))


def made(dice: random.Random) -> World:
    """Hosts and VMs of all lengths, whose sets are near each other."""
    base = [dice.getrandbits(32) | 0x07008171 for _ in range(23)]

    def near(length: int, less: int) -> str:
        words = base[:length]
        for _ in range(less):
            words[dice.randrange(length)] &= ~(1 << dice.randrange(32))
        return str(Featureset.of_words(words))

    def host(n: int) -> WorldHost:
        length = dice.choice(LENGTHS)
        pv, hvm = (near(length, dice.choice((0, 0, 1, 3))) for _ in range(2))
        sets = {"features_pv": pv, "features_pv_host": pv}
        if dice.random() < 0.9:
            sets |= {"features_hvm": hvm, "features_hvm_host": hvm}
        return WorldHost(f"h{n}", sets, vendor=dice.choice((INTEL, INTEL, AMD)))

    def vm(n: int) -> WorldVm:
        features = near(dice.choice(LENGTHS), dice.choice((0, 1, 3, 8)))
        flags = {"vendor": dice.choice((INTEL, INTEL, AMD)), "features": features}
        state = dice.choice(("Running", "Suspended", "Halted"))
        platform = {"featureset": features} if dice.random() < 0.2 else {}
        if dice.random() < 0.1:
            platform["nested-virt"] = "true"
        return WorldVm(
            f"v{n}",
            flags if dice.random() < 0.9 else {},
            fields={"domain_type": dice.choice(TYPES), "power_state": state},
            home=dice.randrange(4) if state == "Running" else None,
            platform=platform,
            metrics={"nomigrate": True} if dice.random() < 0.1 else {},
        )

    return World([host(n) for n in range(4)], [vm(n) for n in range(5)])


def answers(world: World, notation: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every pair of the world through the command line, against the oracle; and POOL.check's rows
    are those of `check`.
    """
    path = folder / f"{len(list(folder.iterdir()))}.{notation}"
    path.write_text(getattr(world, notation)())
    capsys.readouterr()
    code = main(["check", str(path), str(path), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert code == document["exit_code"] == max(a["exit_code"] for a in document["answers"])
    allowed = {(a["vm"], a["host"]): a["allowed"] for a in document["answers"]}
    expected = {
        (vm.name, host.name): oracle(world, vm, host) for vm in world.vms for host in world.hosts
    }
    assert allowed == expected


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("seed", range(6))
def test_the_oracle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int, notation: str
) -> None:
    """Text in, verdict out: no wrong yes and no wrong no."""
    answers(made(random.Random(seed)), notation, tmp_path, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("notation", NOTATIONS)
def test_the_oracle_many_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], notation: str
) -> None:
    """20,000 pairs in each notation."""
    for seed in range(1000):
        answers(made(random.Random(1000 + seed)), notation, tmp_path, capsys)


Limits = tuple[int, int, int]
LIMITED = ("xeon-l5320", "core-i7-4930k", "xeon-gold-6154", "xeon-w7-2475x", "opteron-6238")
RELEASES = (
    *("4.13", "4.14", "4.15", "4.16", "4.17", "4.18", "4.20", "4.22", "master"),
    *("xenserver-8", "xenserver-8.2"),
)


def most(cpu: str, xen: str) -> Limits:
    """The highest leaf, subleaf of leaf 7 and extended leaf of Xen's max policies on a CPU."""
    leaves = shipped.get(cpu).cpu.leaves
    own = (leaves[0, 0][0], leaves.get((7, 0), (0,))[0], leaves[0x80000000, 0][0])
    subleaves = 3 if xen.startswith("xenserver") else 1 if xen == "4.13" else 2
    extended = 0x8000001C if xen == "4.13" else 0x80000021
    if xen not in ("4.13", "4.14", "4.15", "4.16", "4.17", "xenserver-8.2"):
        return 0xD, subleaves, extended
    subleaf = subleaves if xen == "4.17" else min(own[1], subleaves)
    if cpu.startswith("opteron") and xen != "4.13":  # LFENCE_DISPATCH gets its leaf
        return min(own[0], 0xD), subleaf, extended
    return min(own[0], 0xD), subleaf, min(own[2], extended)


def taken(limits: Limits, most: Limits, xen: str) -> bool:
    """Whether Xen takes a policy with these limits: the subleaf counts from 4.15 on, if there is a
    leaf 7.
    """
    limits = (limits[0], limits[1] if limits[0] >= 7 else 0, limits[2])
    compared = (0, 2) if xen in ("4.13", "4.14", "xenserver-8.2") else (0, 1, 2)
    return all(limits[which] <= most[which] for which in compared)


@pytest.mark.parametrize("xen", RELEASES)
@pytest.mark.parametrize("cpu", LIMITED)
def test_the_oracle_of_limits(
    cpu: str, xen: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A policy in, verdict out: impossible where a limit is above the maximum, and there alone."""
    dice = random.Random(f"{cpu} {xen}")
    host = most(cpu, xen)
    leaf_0 = shipped.get(cpu).cpu.leaves[0, 0]
    for number in range(8):
        limits = (
            dice.choice((host[0], 1, 0xD, 0x14)),
            dice.choice((host[1], 0, 1, 2, 3)),
            dice.choice((host[2], 0x80000004, 0x80000008, 0x80000021, 0x80000022)),
        )
        policy = Policy(
            {
                (0, NO_SUBLEAF): (limits[0], *leaf_0[1:]),
                (1, NO_SUBLEAF): (0, 0, 0, 1),
                (7, 0): (limits[1], 0, 0, 0),
                (0x80000000, NO_SUBLEAF): (limits[2], 0, 0, 0),
            },
            {},
        )
        file = tmp_path / f"{number}.policy"
        file.write_text(policy.text())
        capsys.readouterr()
        code = main(["check", str(file), f"cpu:{cpu}@{xen}", "--type", "pv", "--json"])
        (answer,) = json.loads(capsys.readouterr().out)["answers"]
        expected = taken(limits, host, xen)
        assert (code, bool(answer["problems"])) == ((0, False) if expected else (13, True)), limits
        arrival = answer["arrival"]
        if xen in ("4.13", "xenserver-8.2"):  # their streams have no policy, others are not read
            assert arrival["unknown"].startswith("which release it comes from is not known")
        else:
            assert bool(arrival["refused"]) != expected


@pytest.mark.parametrize("name", ["db-01", "dc-01", "fe-02", "cafe-1"])
def test_a_vms_name_is_no_featureset(tmp_path: Path, name: str) -> None:
    """A name that could be hex is looked for among the VMs of the database that is given."""
    world = World(
        [WorldHost("h", {"features_hvm": "1-1-1-1-1"})],
        [WorldVm(name, {"vendor": INTEL, "features": "3-1-1-1-1"}, fields={"domain_type": "hvm"})],
    )
    path = tmp_path / "pool.xml"
    path.write_text(world.database())
    done = run("check", name, str(path))
    assert done.returncode == 12
    assert f"{name} on h: would go only by force" in done.stdout
    unknown = run("check", "db-02", str(path))
    assert unknown.returncode == 3
    assert f"there are {name}; for a featureset say hex:db-02" in unknown.stderr


def test_what_can_be_two_things_is_an_error(tmp_path: Path) -> None:
    """A featureset that is a VM's name as well, or a file's: both ways to say it are named."""
    text = "cafe0001-00000002"
    world = World([WorldHost("h", {"features_hvm": "1-1-1-1-1"})], [WorldVm(text, {})])
    path = tmp_path / "pool.xml"
    path.write_text(world.database())
    done = run("check", text, str(path))
    assert done.returncode == 2
    assert f"say hex:{text} or {path}#{text}" in done.stderr
    assert run("check", f"hex:{text}", str(path)).returncode == 12
    assert run("check", f"{path}#{text}", str(path)).returncode == 0


def test_nothing_is_no_folder() -> None:
    """An empty argument is wrong use, not the current folder."""
    done = run("decode", "")
    assert done.returncode == 2
    assert "nothing is named" in done.stderr


def test_the_vendor_counts_wherever_a_vm_goes() -> None:
    """diff and check agree: no VM of an AMD host goes to an Intel host."""
    amd, intel = "example:epyc-xen-4.17", "example:ivybridge-xen-4.17"
    done = run("diff", amd, intel)
    assert done.returncode == 1
    assert "was started on a CPU of AuthenticAMD" in done.stdout
    assert run("check", amd, intel).returncode == 13


def test_an_override_of_the_type_is_said(tmp_path: Path) -> None:
    """--type wins, and the answer says that the record is of another type."""
    flags = {"vendor": INTEL, "features": "1-1-1-1-1"}
    world = World(
        [WorldHost("h", {"features_hvm": "1-1-1-1-1"}, vendor=INTEL)],
        [WorldVm("v", flags, fields={"domain_type": "pv"})],
    )
    path = tmp_path / "pool.xml"
    path.write_text(world.database())
    assert run("check", "v", str(path)).returncode == 13
    done = run("check", "v", str(path), "--type", "hvm")
    assert done.returncode == 0
    assert "its record says PV: taken for HVM as was asked" in done.stdout


def test_four_bare_words_in_the_old_order() -> None:
    """What makes sense in one order only is taken so: no nonsense is missing."""
    host = "cpu:xeon-e5-2696-v3@4.17"
    done = run("check", "029ee3ff-bfebfbff-00000001-2c100800", host, "--json")
    answer = json.loads(done.stdout)["answers"][0]
    assert any("XenServer 6's" in note for note in answer["notes"])
    assert len(answer["missing"]) < 5


@pytest.mark.parametrize(
    "pair",
    [
        (f"cpu:{CPU_A}@xenserver-8.2", f"cpu:{CPU_B}@xenserver-8.2"),
        ("cpu:epyc-7742@4.20", "cpu:epyc-7742@4.15"),
        (f"cpu:{CPU_A}@4.17", f"cpu:{CPU_A}@4.13"),
        (f"cpu:{CPU_A}@xenserver-8", f"cpu:{CPU_B}@xenserver-8.2"),
    ],
)
def test_releases_without_max_sets(pair: tuple[str, str]) -> None:
    """ "Can it go back?" is answered between any two releases, with words that the older lacks."""
    done = run("check", *pair)
    assert done.returncode in (0, 11, 12), done.stderr
    assert done.stderr == ""
    joined = run("plan", "join", pair[1], "--pool", pair[0])
    assert joined.returncode in (0, 1), joined.stderr


@pytest.mark.parametrize(
    "pair",
    [
        ("cpu:xeon-gold-6240@xenserver-8.2", "cpu:xeon-gold-6240@xenserver-8"),
        ("cpu:epyc-7763@4.17", "cpu:epyc-9965@4.20"),
        (f"cpu:{CPU_A}@xenserver-8-4.17.3-4", f"cpu:{CPU_B}@4.17"),
    ],
)
def test_the_order_of_hosts_does_not_count(pair: tuple[str, str]) -> None:
    """A level is one, whoever is named first."""

    def level(*hosts: str) -> str:
        document = json.loads(run("level", *hosts, "--type", "hvm", "--json").stdout)
        return str(document["levels"][0]["featureset"])

    assert level(*pair) == level(*reversed(pair))


def test_a_right_record_of_xenserver_8_is_right(tmp_path: Path) -> None:
    """23 words are today's XenServer 8: its level ORs nothing in that its libxc does not."""
    documents = [
        json.loads(run("info", "--cpu", cpu, "--xen", "xenserver-8", "--xapi").stdout)
        for cpu in ("xeon-gold-6154", "xeon-gold-6336y+2023-08")
    ]
    hosts = [
        WorldHost(f"h{n}", {k: v for k, v in info.items() if k.startswith("features")},
                  xen="4.17.6-2")
        for n, info in enumerate(documents)
    ]  # fmt: skip
    level = json.loads(
        run("level", *(f"h{n}=cpu:{cpu}@xenserver-8" for n, cpu in
            enumerate(("xeon-gold-6154", "xeon-gold-6336y+2023-08"))), "--json").stdout
    )  # fmt: skip
    sets = {one["guest_type"]: one["featureset"] for one in level["levels"]}
    world = World(hosts)
    world.pool = {
        "vendor": INTEL, "cpu_count": "16", "socket_count": "2",
        "features_hvm_host": sets["hvm"], "features_pv_host": sets["pv"],
    }  # fmt: skip
    path = tmp_path / "pool.xml"
    path.write_text(world.database())
    for arguments in ((), ("--xen", "xenserver-8")):
        done = run("audit", str(path), *arguments)
        assert (done.returncode, "lacks" in done.stdout) == (0, False), done.stdout
    world.hosts = [WorldHost(host.name, host.sets) for host in hosts]  # the build is not told
    path.write_text(world.database())
    assert run("audit", str(path)).returncode == 0


def test_every_way_in_takes_one_release(tmp_path: Path) -> None:
    """Hex, a record and a capture of the same sets give the same level by the same rules."""
    words = [str(Featureset.of_words([0x178BFBFF, 0xF6FA3203, *[0] * n])) for n in (8, 8)]
    record = tmp_path / "hosts.xml"
    world = World([WorldHost(f"h{n}", {"features_hvm": text}) for n, text in enumerate(words)])
    record.write_text(world.database())
    by_record = json.loads(run("level", str(record), "--json").stdout)["levels"][0]
    by_hex = json.loads(run("level", *words, "--json").stdout)["levels"][0]
    for key in ("release", "featureset", "features"):
        assert by_record[key] == by_hex[key]
    assert by_hex["release"] == "4.12"


def test_suspend_images_tell_their_vendor(tmp_path: Path) -> None:
    """The vendor stands in an image's policy: an AMD VM does not resume on an Intel host."""
    policy = example("epyc-xen-4.20").policies["hvm_default"]
    image = tmp_path / "vm.img"
    image.write_bytes(libxc_stream(policy))
    done = run("check", str(image), f"cpu:{CPU_A}@4.20")
    assert done.returncode == 13
    assert "was started on a CPU of AuthenticAMD" in done.stdout
    without = run("check", str(image), "example:skylake-server-xen-4.17")
    assert "runs no HVM guests" in without.stdout
    assert "has seen no features" not in without.stdout
