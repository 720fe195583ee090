"""forecast and plan evacuate on the command line: what a person gives, and what is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import run
from tests.support.world import World, WorldHost, WorldVm
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.inputs import resolve
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.level import level_of
from xenops_cpu.pools.member import member_of

CPUS = ("core-i7-4930k", "xeon-e3-1245-v3", "xeon-e5-2696-v4")
BEFORE, AFTER = "xenserver-8-4.17.3-4", "xenserver-8-4.17.6-2"


def a_pool(xapi: str = "26.1.4") -> World:
    """Ivy Bridge (coordinator), Haswell, Broadwell; a VM on Haswell is older than that pool."""
    hosts, members = [], []
    for number, cpu in enumerate(CPUS, 1):
        named = resolve(f"cpu:{cpu}@{BEFORE}").hosts[0]
        members.append(member_of(named.host, cpu))
        info = xapi_map(cpu_info(named.host))
        sets = {key: text for key, text in info.items() if "features" in key}
        more = {key: info[key] for key in ("modelname", "family", "model", "stepping")}
        software = {"platform_version": "3.4.0", "xapi": xapi}
        hosts.append(
            WorldHost(f"xs-0{number}", sets, f"uuid-{number}", xen="4.17.3-4", enabled=True,
                      software=software, more=more)
        )  # fmt: skip
    level = level_of(members, GuestType.HVM).featureset
    old = level_of(members[1:], GuestType.HVM).featureset

    def vm(name: str, home: int, words: object) -> WorldVm:
        flags = {"vendor": "GenuineIntel", "features": str(words)}
        fields = {"domain_type": "hvm", "power_state": "Running"}
        return WorldVm(name, flags, f"uuid-{name}", fields, home=home)

    world = World(hosts, [vm("old", 1, old), *(vm(f"web-{n}", n % 3, level) for n in range(6))],
                  pool_uuid="uuid-p")  # fmt: skip
    world.pool = {"vendor": "GenuineIntel", "features_hvm_host": str(level)}
    return world


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "pool.xml"
    path.write_text(a_pool().database())
    return path


def forecast(*arguments: object) -> dict[str, Any]:
    done = run("forecast", *map(str, arguments), "--json")
    assert done.returncode in (0, 1), done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if document["outcome"] == "goes_through" else 1)
    return document


def test_a_database_alone(database: Path) -> None:
    """Where it stops, for whom, with which features, what helps; and what had to be assumed."""
    done = run("forecast", str(database), "--to-xen", AFTER, "--commands")
    assert done.returncode == 1
    out = " ".join(done.stdout.split())
    assert "the rolling update stops at step 2 of 3, evacuating xs-02" in out
    assert "3 hosts to XenServer 8 (4.17.6-2); 7 VMs that run" in out
    assert "as cpu:xeon-e3-1245-v3, assumed" in out
    assert "xs-01: lacks FMA MOVBE ABM" in out
    assert "switch xs-01 off as a target (xe host-disable) while xs-02, xs-03 are evacuated" in out
    assert "power cycles: 1 VM of 7, the fewest that do" in out
    assert "xe host-disable uuid=uuid-1 xe host-disable uuid=uuid-2 xe host-evacuate" in out
    assert "not looked at: memory" in out


def test_as_json(database: Path) -> None:
    """The same, for programs."""
    told = forecast(database, "--to-xen", AFTER)
    assert (told["outcome"], told["stops_at"], told["certainly_by"]) == ("stops", 2, 2)
    assert (told["coordinator"], told["targets"], told["upgrade"]) == ("xs-01", "all", False)
    assert [step["host"] for step in told["steps"]] == ["xs-01", "xs-02", "xs-03"]
    (stuck,) = told["steps"][1]["stuck"]
    assert stuck["certain"]
    assert [vm["uuid"] for vm in stuck["vms"]] == ["uuid-old"]
    assert stuck["refusals"][0]["hosts"] == ["xs-01"]
    assert "AVX2" in [one["feature"] for one in stuck["refusals"][0]["missing"]]
    (cycle,) = told["power_cycle"]
    assert cycle["ways"][0]["when"] == "before"
    assert cycle["ways"][0]["commands"] == ["xe vm-reboot uuid=uuid-old"]
    assert told["switched_off"] == [
        {"step": 2, "hosts": ["xs-01"]},
        {"step": 3, "hosts": ["xs-01"]},
    ]
    assert (told["other_order"], told["every_order_tried"]) == (None, True)
    assert told["vms_looked_at"] == 7
    assert any("assumed" in text for text in told["basis"])


def test_without_the_old_vm(tmp_path: Path) -> None:
    """Everything else passes: exit code 0."""
    world = a_pool()
    del world.vms[0]
    path = tmp_path / "pool.xml"
    path.write_text(world.database())
    done = run("forecast", str(path), "--to-xen", AFTER)
    assert done.returncode == 0
    assert "the rolling update goes through: 3 steps, nobody is stuck" in done.stdout


def test_the_rule_of_targets(tmp_path: Path) -> None:
    """By the coordinator's xapi, in an upgrade; --targets says otherwise. Which, is said."""
    for xapi, rule in (("26.17.0", "all"), ("26.18.0", "updated")):
        path = tmp_path / f"{xapi}.xml"
        path.write_text(a_pool(xapi).database())
        told = forecast(path, "--to-xen", "4.20")
        assert (told["targets"], told["upgrade"]) == (rule, True)
        assert any(f"xapi {xapi} of xs-01" in text for text in told["basis"])
        other = "all" if rule == "updated" else "updated"
        assert forecast(path, "--to-xen", "4.20", "--targets", other)["targets"] == other
        # To microcode alone there is no upgrade, so that the rule does not matter.
        assert forecast(path, "--to-microcode", "newest")["targets"] == rule


def test_each_host_its_own_target(database: Path, tmp_path: Path) -> None:
    """HOST=… before a value, --only, and what a host will be as a HOST of its own."""
    told = forecast(database, "--to-xen", AFTER, "--to-xen", "xs-03=4.20", "--only", "xs-03")
    assert told["order"] == ["xs-03"]
    assert run("info", "--cpu", CPUS[2], "--xen", AFTER, "--xapi").returncode == 0
    told = forecast(database, "--to", f"xs-03=cpu:{CPUS[2]}@{AFTER}")
    assert told["order"] == ["xs-03"]
    told = forecast(database, "--to-cmdline", "uuid-2=spec-ctrl=no", "--to-cmdline", "cet=0")
    assert told["order"] == ["xs-01", "xs-02", "xs-03"]


def test_another_order_and_coordinator(database: Path) -> None:
    """An order by name; a coordinator that is named goes first."""
    told = forecast(database, "--to-xen", AFTER, "--order", "xs-01,xs-03,xs-02")
    assert told["order"] == ["xs-01", "xs-03", "xs-02"]
    assert told["stops_at"] == 3
    told = forecast(database, "--to-xen", AFTER, "--coordinator", "xs-03")
    assert told["order"][0] == "xs-03"


def test_hosts_that_are_done(tmp_path: Path) -> None:
    """A host that has that build already is not evacuated again."""
    world = a_pool()
    done = resolve(f"cpu:{CPUS[0]}@{AFTER}").hosts[0].host
    world.hosts[0].sets = {k: v for k, v in xapi_map(cpu_info(done)).items() if "features" in k}
    world.hosts[0].xen = "4.17.6-2"
    path = tmp_path / "pool.xml"
    path.write_text(world.database())
    assert forecast(path, "--to-xen", AFTER)["order"] == ["xs-02", "xs-03"]


def test_microcode_of_a_pool() -> None:
    """What the update changes below Xen, what guests gain and lose, and what has no way back."""
    cpus = [f"{name}=cpu:xeon-platinum-8280+2019-11@xenserver-8" for name in ("a", "b", "c")]
    done = run("forecast", *cpus, "--to-microcode", "2023-08")
    assert done.returncode == 0, done.stdout
    out = " ".join(done.stdout.split())
    assert "microcode of a, b, c: " in out
    assert "+ GDS_CTRL" in out
    assert "HVM +FMA +AVX" in out
    assert "no VM that runs is known: VMs started at the present level stand for them" in out
    assert "no way back: HVM and PVH guests that start when all is done have FMA AVX" in out
    planned = run("plan", "update", "all", "--to-microcode", "2023-08", "--pool", *cpus)
    assert planned.returncode in (0, 1)
    assert "microcode of a, b, c: " in " ".join(planned.stdout.split())
    assert "no way back" in planned.stdout
    document = json.loads(
        run("plan", "update", "b", "--to-microcode", "2023-08", "--pool", *cpus, "--json").stdout
    )
    assert [each["host"] for each in document["microcode"]] == ["b"]
    assert "GDS_CTRL" in document["microcode"][0]["added"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "what is it updated to? --to-xen, --to-cmdline and --to-microcode or --to"),
        (("--to-xen", "9.9"), 2, "--to-xen: "),
        (("--to-xen", "4.18", "--to-xen", "4.19"), 2, "are given once for all hosts"),
        (("--to-microcode", "nonsense"), 2, '--to-microcode: "nonsense" is no microcode'),
        (("--to-microcode", "1999"), 3, "1999"),
        (("--to-xen", "4.7"), 3, "what Xen 4.7 derives is not known"),
        (("--to", "xs-01"), 2, '--to: "xs-01" is not HOST=NEW'),
        (("--to", "xs-09=simulated"), 2, '--to: "xs-09" is not in the pool; there are xs-01'),
        (("--to-xen", "4.18", "--only", "x"), 2, '--only: "x" is not in the pool'),
        (("--to-xen", "4.18", "--coordinator", "x"), 2, '--coordinator: "x" is not in the pool'),
        (("--to-xen", "4.18", "--order", "xs-02"), 2, "an order names each host that is updated"),
        (("--to-xen", "4.18", "--order", "xs-02,xs-01,xs-03"), 2, "goes first"),
        (("--to-xen", BEFORE), 2, "no host changes"),
    ],
)
def test_mistakes(database: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    """What was wrong, and what would be right."""
    done = run("forecast", str(database), *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr


def test_a_featureset_has_no_future() -> None:
    """Of a bare featureset nothing can be derived: it is said how to name what it will be."""
    done = run("forecast", "x=1fc9cbf5-f6f83203", "--to-xen", "4.20")
    assert done.returncode == 3
    assert "forecast --to HOST=NEW" in done.stderr


def test_a_host_today(database: Path) -> None:
    """plan evacuate: who cannot leave and why, what to type; 0 where all can."""
    done = run("plan", "evacuate", "xs-02", "--pool", str(database))
    assert done.returncode == 1
    out = " ".join(done.stdout.split())
    assert "xs-02 cannot be evacuated: 1 of 3 VMs on xs-02 cannot leave" in out
    assert "old cannot leave xs-01: lacks FMA" in out
    assert "xe host-disable name-label=xs-01" in out
    fine = run("plan", "evacuate", "xs-03", "--pool", str(database))
    assert fine.returncode == 0
    assert "every one of 2 VMs on xs-03 can leave; asked were xs-01, xs-02" in fine.stdout
    told = json.loads(run("plan", "evacuate", "xs-02", "--pool", str(database), "--json").stdout)
    assert not told["allowed"]
    assert told["switched_off"] == ["xs-01"]
    assert [vm["name"] for vm in told["vms"]] == ["old", "web-1", "web-4"]
    wrong = run("plan", "evacuate", "xs-09", "--pool", str(database))
    assert wrong.returncode == 2
    mixed = run("plan", "evacuate", "xs-02", "--to-xen", "4.20", "--pool", str(database))
    assert "plan evacuate: --to-xen goes with update only" in mixed.stderr


def test_in_the_report(database: Path) -> None:
    """The page has the forecast where it is told what hosts are updated to, else not."""
    done = run("report", str(database), "--to-xen", AFTER)
    assert done.returncode == 0, done.stderr
    assert '<h2 id="forecast">The rolling update</h2>' in done.stdout
    assert "The rolling update stops at step 2 of 3, evacuating xs-02." in done.stdout
    assert re.search(r'<text class="mark bad"[^>]*>1</text>', done.stdout)
    assert "xs-01: lacks FMA MOVBE" in done.stdout
    assert "Switch xs-01 off as a target" in done.stdout
    assert "forecast" not in run("report", str(database)).stdout
    document = json.loads(run("report", str(database), "--to-xen", AFTER, "--json").stdout)
    assert document["forecast"]["stops_at"] == 2


def of_old_microcode(tmp_path: Path) -> Path:
    """Three hosts of 4.13 whose records do not tell whether they have the microcode against GDS."""
    named = resolve("cpu:xeon-platinum-8280+2019-11@4.13").hosts[0]
    info = xapi_map(cpu_info(named.host))
    sets = {key: text for key, text in info.items() if "features" in key}
    more = {key: info[key] for key in ("modelname", "family", "model", "stepping")}
    flags = {"vendor": "GenuineIntel", "features": sets["features_hvm_host"]}
    fields = {"domain_type": "hvm", "power_state": "Running"}
    world = World(
        [WorldHost(f"h{n}", sets, f"uuid-{n}", xen="4.13.5", enabled=True, more=more)
         for n in range(3)],
        [WorldVm(f"vm-{n}", flags, f"uuid-vm-{n}", fields, home=n) for n in range(2)],
        pool_uuid="uuid-p",
    )  # fmt: skip
    path = tmp_path / "old.xml"
    path.write_text(world.database())
    return path


def test_microcode_that_nobody_told_may_stop_it(tmp_path: Path) -> None:
    """It goes through with the newest microcode alone, so that is no yes: the answer says with
    which it stops and where, in words, in JSON, on the page and by its exit code.
    """
    path = of_old_microcode(tmp_path)
    done = run("forecast", str(path), "--to-xen", "4.17")
    assert done.returncode == 1
    first, second = done.stdout.splitlines()[:2]
    assert first == (
        "the rolling update goes through if the hosts' microcode is new enough, else not"
    )
    assert second.startswith("  not certain: records do not tell the microcode")
    assert "stops at step 2 of 3, evacuating h1, for hosts would lack FMA AVX" in " ".join(
        done.stdout.split()
    )
    document = forecast(path, "--to-xen", "4.17")
    assert (document["outcome"], document["worse"]["outcome"]) == ("may_stop", "stops")
    assert document["stops_at"] == document["worse"]["stops_at"] == 2
    assert "AVX" in document["worse"]["missing"]
    assert [each["host"] for each in document["worse"]["hosts"]] == ["h0", "h1", "h2"]
    page = run("report", "--html", "-", str(path), "--to-xen", "4.17")
    assert "microcode is new enough, else not" in page.stdout.replace("&#39;", "'")


def test_microcode_that_comes_with_the_update_leaves_no_doubt(tmp_path: Path) -> None:
    """With --to-microcode the hosts have it when they start again, whatever they have now."""
    path = of_old_microcode(tmp_path)
    done = run("forecast", str(path), "--to-xen", "4.17", "--to-microcode", "newest")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        "the rolling update goes through: 3 steps, nobody is stuck",
    )
    document = forecast(path, "--to-xen", "4.17", "--to-microcode", "2019-11")
    assert (document["stops_at"], document["worse"]) == (2, None)


def test_a_mistyped_host_gets_the_nearest_name(database: Path) -> None:
    """Wherever an option names a host of the pool, the error lists the names that there are."""
    for options in (["--to-xen", "xs-1=4.20"], ["--to-microcode", "xs-1=newest"],
                    ["--to-xen", "4.20", "--only", "XS-1"]):  # fmt: skip
        done = run("forecast", str(database), *options)
        assert done.returncode == 2
        assert "is not in the pool; there are xs-01" in done.stderr
