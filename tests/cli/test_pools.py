"""The commands for pools, VMs and migrations, as a person types them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from attrs import evolve

from tests.cli.test_cli import run
from tests.inputs.test_together import a_world
from tests.support.hosts import example, made, names
from tests.support.world import World, WorldHost, WorldVm, sets_of
from xenops_cpu.cli import progress
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts import capture

SKYLAKE, IVY = "cpu:xeon-gold-6154@4.17", "cpu:core-i7-4930k@4.17"
BROADWELL, EPYC = "cpu:xeon-e5-2696-v4@4.17", "cpu:epyc-7763@4.17"
# With the microcode of their dumps, from before what is now known of CPUs.
OLD = tuple(
    f"cpu:{name}+as-dumped@4.17" for name in ("xeon-gold-6154", "xeon-e5-2696-v4", "core-i7-4930k")
)
HIDDEN_TSX = "cpu:xeon-platinum-8280+2019-11@4.17"


def text_of(features: str, xen: str = "4.17") -> str:
    return str(names(features, xen))


def host_record(*keys: str, **sets: str) -> str:
    """A Host.cpu_info as xe prints it."""
    given = {"vendor": "GenuineIntel", "cpu_count": "8", "socket_count": "1"}
    for guest in ("pv", "hvm"):
        for which in ("", "_host"):
            given[f"features_{guest}{which}"] = sets.get(f"{guest}{which}", sets["all"])
    return "; ".join(f"{key}: {value}" for key, value in given.items() if key not in keys)


@pytest.fixture(name="capture_file")
def _capture_file(tmp_path: Path) -> Path:
    file = tmp_path / "host-7.json"
    file.write_text(capture.dump(example("epyc-xen-4.17")))
    return file


# check


@pytest.mark.parametrize(
    ("vm", "host", "code", "verdict"),
    [
        ("new", IVY, 0, "Boots"),
        (IVY, IVY, 0, "Migrates"),
        (text_of("FPU SSE RTM"), HIDDEN_TSX, 11, "Only_by_max"),
        (SKYLAKE, IVY, 12, "Only_by_force"),
        (SKYLAKE, EPYC, 13, "Impossible"),
    ],
)
def test_the_exit_code_is_the_verdict(vm: str, host: str, code: int, verdict: str) -> None:
    """Each verdict has its exit code, and JSON says the same."""
    done = run("check", vm, host, "--json")
    assert done.returncode == code, done.stderr
    document = json.loads(done.stdout)
    assert document["exit_code"] == code
    assert [answer["verdict"] for answer in document["answers"]] == [verdict]


def test_several_hosts_give_the_worst_verdict_or_the_best() -> None:
    """Without --any every host has to take the VM in, with it one is enough."""
    assert run("check", SKYLAKE, SKYLAKE, IVY).returncode == 12
    assert run("check", SKYLAKE, SKYLAKE, IVY, "--any").returncode == 0


def test_check_names_features_with_reason_risk_and_remedy() -> None:
    """Every missing feature is in the text, with why, what force would risk and what helps."""
    done = run("check", SKYLAKE, IVY)
    answer = json.loads(run("check", SKYLAKE, IVY, "--json").stdout)["answers"][0]
    for lack in answer["missing"]:
        assert lack["name"] in done.stdout
        assert lack["reason"].startswith("the CPU does not show it: CPUID 0x")
        assert lack["risk"]
    for words in (
        "would go only by force",
        "if forced: programs that begin a transaction stop with an invalid opcode",
        "to do: shut it down and start it on this host",
        "takes in (HVM max or boot)",
        "no comparison of features sees: model-specific registers outside the featureset",
    ):
        assert words in " ".join(done.stdout.split())


def test_check_tells_what_the_guest_finds_changed() -> None:
    """For people in a few lines that repeat no feature, whole as JSON; what is unknown is said."""
    done = run("check", SKYLAKE, IVY)
    text = " ".join(done.stdout.split())
    assert "its guest finds changed (predicted: as xl starts it on" in text
    assert "cleared without a word: those that are missing and FDP_EXCP_ONLY NO_FPU_SEL s" in text
    assert "as before: leaf limits, identity, topology, address sizes, caches, MSRs" in text
    arrival = json.loads(run("check", SKYLAKE, IVY, "--json").stdout)["answers"][0]["arrival"]
    assert arrival["carried"] is True
    assert (arrival["unknown"], arrival["refused"]) == ("", "")
    changes = {change["title"]: change for change in arrival["changes"]}
    assert changes["AVX512F"] == {
        "category": "features", "title": "AVX512F", "before": "yes", "after": "no", "lost": True,
        "why": "Xen does not offer it to this guest type on this host",
    }  # fmt: skip
    assert changes["components that XCR0 may have (low half)"]["after"] == "7h"
    whole = run("check", SKYLAKE, IVY, "--details").stdout
    assert "CPUID d:5 eax (XSAVE state): " in whole
    record = json.loads(run("check", "1fc9cbf5-f6f83203", IVY, "--json").stdout)["answers"][0]
    assert record["arrival"]["unknown"] == "the VM's whole CPU policy is not known"
    assert record["arrival"]["carried"] is None
    unknown = " ".join(run("check", "1fc9cbf5-f6f83203", IVY).stdout.split())
    assert "(address width, saved state, topology, caches) was not compared" in unknown


def test_level_tells_the_numbers() -> None:
    """Those that differ, by host, with what sets them; those of all as JSON."""
    hosts = ("cpu:xeon-gold-6336y@4.17", "cpu:core-i5-5250u@4.17")
    text = " ".join(run("level", *hosts, "--type", "hvm").stdout.split())
    assert (
        "physical addresses: 46 bits on xeon-gold-6336y@4.17, 39 bits on core-i5-5250u@4.17; xl "
        'gives all 39 bits by cpuid=["0x80000008:eax=xxxxxxxxxxxxxxxxxxxxxxxx00100111"]'
    ) in text
    assert "linear addresses" not in text
    (level,) = json.loads(run("level", *hosts, "--type", "pv", "--json").stdout)["levels"]
    numbers = {number["title"]: number for number in level["numbers"]}
    assert numbers["linear addresses"]["why_not"] == "Xen gives 48 bits with LM, else 32"
    assert numbers["physical addresses"] == {
        "title": "physical addresses",
        "values": {"xeon-gold-6336y@4.17": 46, "core-i5-5250u@4.17": 39},
        "least": 39,
        "same": False,
        "xend": "0x80000008:eax=xxxxxxxxxxxxxxxxxxxxxxxx00100111",
        "why_not": "",
    }
    same = run("level", IVY, f"twin={IVY}", "--type", "hvm").stdout
    assert "limits, address widths and sizes are the same everywhere" in same
    mixed = json.loads(run("level", IVY, "bare=1fc9cbf5-f6f83203", "--json").stdout)
    assert mixed["levels"][0]["numbers_unknown"] == ["bare"]


def test_check_of_a_vm_that_booted_with_a_level() -> None:
    """--featureset is what it remembers; what it has of registers is the host's, and is said."""
    level = json.loads(run("level", SKYLAKE, IVY, "--type", "hvm", "--json").stdout)
    words = level["levels"][0]["featureset"]
    done = run("check", SKYLAKE, IVY, "--featureset", words)
    assert done.returncode == 0
    assert "with that featureset):" in " ".join(done.stdout.split())
    for arguments, error in (
        (("1fc9cbf5-f6f83203", IVY, "--featureset", words), "a VM booted with that a host stands"),
        ((SKYLAKE, IVY, "--featureset", "x"), '--featureset: featureset word 0: "x"'),
    ):
        wrong = run("check", *arguments)
        assert wrong.returncode == 2
        assert error in wrong.stderr


def test_check_takes_a_pasted_record() -> None:
    """A last-boot record as text is a VM, with its vendor."""
    record = f"vendor: AuthenticAMD; features: {text_of('FPU SSE')}"
    done = run("check", record, IVY)
    assert done.returncode == 13
    assert "the VM was started on a CPU of AuthenticAMD" in done.stdout
    assert run("check", f"web={record}", IVY).stdout.startswith("web on core-i7-4930k@4.17: ")


def test_a_vm_may_be_given_by_type() -> None:
    """A bare featureset is taken for HVM, which is said; --type tells otherwise."""
    vm = text_of("FPU SSE")
    assert "its domain type is not told: taken for HVM" in run("check", vm, IVY).stdout
    pv = " ".join(run("check", vm, IVY, "--type", "pv").stdout.split())
    assert "is not told" not in pv
    assert "(PV max or boot)" in pv
    refused = run("check", vm, "example:ivybridge-xen-4.17", "--type", "pvh")
    assert refused.returncode == 13
    assert "runs no HVM guests" in refused.stdout


def test_compatibility_bits_are_labelled() -> None:
    """What only old records have is said to be so, with where it comes from."""
    vm = text_of("FPU SSE IBS")
    done = run("check", vm, IVY)
    assert done.returncode == 12
    said = " ".join(done.stdout.split())
    assert "compatibility bit: Xen 4.7 showed it falsely" in said
    assert "forcing the migration is harmless as far as they go" in said


def test_leaf_limits_are_compared_where_policies_are_known(tmp_path: Path) -> None:
    """A policy with a higher subleaf of leaf 7 than the host takes in is refused."""
    base = example("epyc-xen-4.17")
    most = base.policies["host"]
    assert most.leaves[7, 0][0] == 0
    leaves = dict(most.leaves)
    leaves[7, 0] = (2, *leaves[7, 0][1:])
    file = tmp_path / "host.json"
    file.write_text(capture.dump(evolve(base, policies={**base.policies, "hvm_max": most})))
    done = run("check", str(Policy(leaves, most.msrs)), str(file))
    assert done.returncode == 13
    assert "highest subleaf of CPUID leaf 7 is 0x2, the host's 0x0: Xen refuses that" in done.stdout


def test_many_pairs_are_told_as_verdicts(tmp_path: Path) -> None:
    """Beyond a handful of pairs there is a table; beyond many, counts; --brief --json has all."""
    vms = tmp_path / "vms.txt"
    vms.write_text(
        "\n\n".join(
            f"name-label ( RW): vm-{number}\nlast-boot-CPU-flags ( RO): vendor: GenuineIntel; "
            f"features: {text_of('FPU SSE' if number else 'FPU SHA')}"
            for number in range(30)
        )
    )
    few = run("check", f"{vms}#vm-0", *[IVY] * 5)
    assert few.stdout.count("only by force") == 5
    assert "--details tells the reasons" in few.stdout
    assert "if forced" in run("check", f"{vms}#vm-0", *[IVY] * 5, "--details").stdout
    many = run("check", str(vms), IVY, SKYLAKE)
    assert many.returncode == 12
    assert "in all: 58 migrates, 2 only by force" in many.stdout
    assert re.search(r"^vm-0 .*core-i7-4930k@4.17, xeon-gold-6154@4.17$", many.stdout, re.M)
    assert "and 29 VMs that every host takes in" in many.stdout
    document = json.loads(run("check", str(vms), IVY, SKYLAKE, "--brief", "--json").stdout)
    assert document["counts"]["Only_by_force"] == 2
    assert document["vms"][0] == {"vm": "vm-0", "verdicts": ["Only_by_force"] * 2}


# level


def test_level_tells_costs_losses_and_safety() -> None:
    """Who costs what, what is lost and why, and what that means for safety and speed."""
    done = run("level", *OLD, "--type", "hvm", "--reasons", "--hex", "--names")
    assert done.returncode == 0, done.stderr
    level = json.loads(run("level", *OLD, "--json").stdout)["levels"][0]
    assert level["guest_type"] == "hvm"
    assert level["featureset"] in done.stdout
    assert level["hosts"] == [one.removeprefix("cpu:") for one in OLD]
    said = " ".join(done.stdout.split())
    for words in (
        " ".join(level["features"]),
        "the deadline timer of the local APIC has an erratum that newer microcode fixes",
        "extra work for guests, because some hosts need it: RSBA",
        "immunities that not every host has: GDS_NO",
        "speed that guests lose: ",
    ):
        assert words in said
    alone = {cost["host"]: set(cost["alone"]) for cost in level["costs"]}
    assert "MOVBE" in alone["core-i7-4930k+as-dumped@4.17"]
    assert not any("MOVBE" in names for host, names in alone.items() if "4930k" not in host)


def test_level_has_both_guest_types_and_their_hosts() -> None:
    """Hosts without HVM guests do not count for HVM, and that is said."""
    done = run("level", SKYLAKE, "example:ivybridge-xen-4.17", "--json")
    levels = {level["guest_type"]: level for level in json.loads(done.stdout)["levels"]}
    assert levels["hvm"]["skipped"] == ["ivybridge-xen-4.17"]
    assert levels["pv"]["skipped"] == []
    assert "not counted, because no such guests run there" in (
        run("level", SKYLAKE, "example:ivybridge-xen-4.17").stdout
    )


def test_level_warns_of_several_vendors() -> None:
    """A level across vendors is of no use, and the output says so first."""
    assert run("level", IVY, EPYC).stdout.startswith("warning: these hosts have CPUs of Genuine")


def test_hosts_of_the_same_name_are_told_apart() -> None:
    """Names given, typed or numbered: never two hosts of one name."""
    sets = [text_of("FPU SSE"), text_of("FPU SSE AVX")]
    document = json.loads(run("level", *sets, f"new={sets[0]}", IVY, IVY, "--json").stdout)
    assert document["levels"][0]["hosts"] == [
        "host 1", "host 2", "new", "core-i7-4930k@4.17", "core-i7-4930k@4.17 (2)",
    ]  # fmt: skip


def test_arguments_may_come_from_a_file(tmp_path: Path) -> None:
    """@FILE holds arguments, one a line; comments and empty lines do not count."""
    file = tmp_path / "hosts.txt"
    file.write_text(f"# the pool\n\na={text_of('FPU SSE')}\n  b={text_of('FPU')}\n")
    document = json.loads(run("level", f"@{file}", "--json").stdout)
    assert document["levels"][0]["features"] == ["FPU"]
    assert document["levels"][0]["hosts"] == ["a", "b"]


def test_level_takes_records_of_any_age() -> None:
    """A record without the _host keys is levelled, and a note says what was taken for what."""
    old = host_record("features_hvm_host", "features_pv_host", all=text_of("FPU TSC MOVBE"))
    new = host_record(all=text_of("FPU TSC"))
    done = run("level", f"old={old}", f"new={new}", "--type", "hvm", "--names")
    assert done.returncode == 0, done.stderr
    assert "\n  FPU TSC\n" in done.stdout
    assert "features_hvm_host is missing" in done.stdout


# plan


def test_plan_join_says_what_is_lost_and_for_whom() -> None:
    """The newcomer lowers the level; VMs at the present level cannot go there."""
    done = run("plan", "join", IVY, "--pool", SKYLAKE, BROADWELL, "--type", "hvm", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    change = document["changes"][0]
    assert "MOVBE" in change["lost"]
    assert not change["gained"]
    lost = Featureset.parse(change["before"]) - Featureset.parse(change["after"])
    assert len(lost) == len(change["lost"])
    touched = document["vms"][0]
    assert touched["closed"] == []
    assert [answer["host"] for answer in touched["refusals"]] == ["core-i7-4930k@4.17"]
    text = run("plan", "join", IVY, "--pool", SKYLAKE, BROADWELL, "--type", "hvm").stdout
    assert "core-i7-4930k@4.17 joins the pool of 2 hosts: something is lost" in text
    assert "cannot go to core-i7-4930k@4.17" in text


def test_plan_leave_gains_and_loses_nothing() -> None:
    """That VMs cannot go to the host that leaves is no loss; the level rises."""
    done = run("plan", "leave", IVY, "--pool", SKYLAKE, IVY, "--type", "hvm")
    assert done.returncode == 0
    assert "nothing is lost" in done.stdout
    assert "gained, " in done.stdout
    assert "MOVBE" in done.stdout


def test_plan_update_under_another_xen() -> None:
    """A Xen that hides AVX because of GDS strands the VMs that have seen it."""
    pool = "cpu:xeon-platinum-8280+2019-11@4.13"
    done = run("plan", "update", "all", "--to-xen", "4.17", "--pool", pool, "--type", "hvm")
    assert done.returncode == 1
    assert "no host takes it in" in done.stdout
    assert "lacks FMA AVX F16C AVX2" in done.stdout
    kept = run(
        "plan", "update", pool, "--to-xen", "4.17", "--to-cmdline", "spec-ctrl=no-gds-mit",
        "--pool", pool, "--type", "hvm", "--json",
    )  # fmt: skip
    assert "AVX" not in json.loads(kept.stdout)["changes"][0]["lost"]


def test_plan_tells_what_changes_apart_from_what_was_so_before() -> None:
    """Levels that change and VMs that are touched come first; the rest follows under its title."""
    old = "cpu:xeon-gold-6154@4.17"
    joins = run("plan", "join", "a=cpu:core-i7-4930k@4.17", "--pool", old).stdout
    changes, _, same = joins.partition("\nas before:\n")
    assert "guests: the level has" in changes
    assert "guests: the level" not in same
    hexes = run("plan", "leave", "b", "--pool", f"a={old}", f"b={old}", "--hex").stdout
    changes, title, same = hexes.partition("\nas before:\n")
    assert title
    assert "guests" not in changes
    assert re.search(r"PV guests: the level has \d+ features,\s+[0-9a-f]{8}-", same)
    assert "  not touched: a VM started at the present level (HVM)" in same


def test_plan_update_of_a_capture(capture_file: Path) -> None:
    """A capture is derived anew; what Xen said and the derivation does not know stays."""
    done = run("plan", "update", "host-7", "--to-xen", "4.17", "--pool", str(capture_file))
    assert done.returncode == 0, done.stdout
    assert "is lost\nas before:\n  PV guests: the level has" in done.stdout
    assert "lost" not in done.stdout.replace("nothing is lost", "")


def test_plan_looks_at_the_vms_given(tmp_path: Path) -> None:
    """A suspended VM that the updated host would refuse is named with what it lacks."""
    vm = f"sleeper=vendor: GenuineIntel; features: {text_of('FPU SSE RTM')}"
    a, b = (f"x={text_of(features)}" for features in ("FPU SSE RTM", "FPU SSE"))
    done = run("plan", "update", "x", b, "--pool", a, "--vm", vm)
    assert done.returncode == 1
    assert re.search(
        r"^sleeper: no host takes it in any more; can no longer go to x$", done.stdout, re.M
    )
    assert "x: lacks RTM" in done.stdout


# split


def test_split_finds_the_parts() -> None:
    """Vendors are parted first; more parts give up less; --parts takes one number."""
    document = json.loads(run("split", SKYLAKE, IVY, EPYC, "--type", "hvm", "--json").stdout)
    assert [len(one["parts"]) for one in document["splits"]] == [2, 3]
    assert [one["given_up"] for one in document["splits"]][-1] == 0
    two = run("split", SKYLAKE, IVY, EPYC, "--type", "hvm", "--parts", "2")
    assert "features on xeon-gold-6154@4.17, core-i7-4930k@4.17" in two.stdout
    assert run("split", IVY, EPYC, "--parts", "1").returncode == 2


# audit


def test_audit_of_a_host_against_xen(tmp_path: Path) -> None:
    """A record of before an update of microcode differs by name; a fresh one does not."""
    record = tmp_path / "record.json"
    record.write_text(run("info", "--cpu", "xeon-gold-6154+as-dumped", "--xapi").stdout)
    stale = run("audit", str(record), "--host", "cpu:xeon-gold-6154+2023-08@4.17")
    assert stale.returncode == 1
    assert "features_hvm_host lacks" in stale.stdout
    assert "IBRSB" in stale.stdout
    assert "xe-toolstack-restart" in stale.stdout
    fresh = run("audit", str(record), "--host", OLD[0])
    assert fresh.returncode == 0, fresh.stdout
    assert "every record is as it should be" in fresh.stdout


def test_audit_of_a_pool_after_an_ejection() -> None:
    """The stored level of a host that has gone lacks what the rest can give."""
    rest = host_record(all=text_of("FPU SSE AVX"))
    stored = host_record(all=text_of("FPU SSE"))
    done = run("audit", f"h7={rest}", "--pool-record", stored)
    assert done.returncode == 1
    assert "the pool: features_hvm lacks AVX" in done.stdout
    document = json.loads(run("audit", f"h7={rest}", "--pool-record", stored, "--json").stdout)
    assert {finding["key"] for finding in document["findings"]} == {
        "features_pv", "features_hvm", "features_pv_host", "features_hvm_host",
    }  # fmt: skip
    assert all(finding["gained"] == ["AVX"] for finding in document["findings"])
    assert run("audit", f"h7={rest}", "--pool-record", rest).returncode == 0


def test_audit_of_vms(tmp_path: Path) -> None:
    """A VM that no host takes in and a PV guest with an HVM set are findings; old bits are not."""
    vms = tmp_path / "vms.txt"
    rows = [
        ("fine", "hvm", "FPU SSE"),
        ("stranded", "hvm", "FPU SSE AVX512F"),
        ("changed", "pv", "FPU SSE VME"),
    ]
    vms.write_text(
        "\n\n".join(
            f"name-label ( RW): {name}\ndomain-type ( RW): {kind}\n"
            f"last-boot-CPU-flags ( RO): vendor: GenuineIntel; features: {text_of(features)}"
            for name, kind, features in rows
        )
    )
    host = host_record(all=text_of("FPU SSE VME"))
    done = run("audit", f"h7={host}", "--vm", str(vms), "--json")
    assert done.returncode == 1
    told = {one["vm"]: one["text"] for one in json.loads(done.stdout)["vms"]}
    assert told.keys() == {"stranded", "changed"}
    assert "lacks AVX512F" in told["stranded"]
    assert "HVM featureset (VME)" in told["changed"]


def test_audit_tells_of_vms_that_are_alike_together(tmp_path: Path) -> None:
    """Hundreds of VMs with the same finding, or the same old bits, are a line; JSON has each. What
    to do for those that no host takes in is said.
    """
    sets = sets_of(names("FPU SSE", "4.17"), names("FPU SSE", "4.17"))
    world = World(
        [WorldHost("xs-01", sets, "h0", xen="4.17.5")],
        [WorldVm(f"vm-{n}", {"features": str(names(text))}, f"v{n}")
         for n, text in enumerate(["FPU AVX"] * 6 + ["FPU IBS"] * 5)],
    )  # fmt: skip
    path = tmp_path / "pool.xml"
    path.write_text(world.database())
    done = run("audit", str(path))
    assert done.returncode == 1
    told = [line for line in done.stdout.splitlines() if line.startswith("vm-")]
    assert told[0] == (
        "vm-0, vm-1, vm-2, vm-3 and 2 more: no host takes it in; the nearest is xs-01: lacks AVX"
    )
    assert told[-1].startswith("vm-6, vm-7, vm-8, vm-9, vm-10: compatibility bits only, IBS: ")
    assert "to do: for a VM that no host takes in, shut it down and start it" in done.stdout
    document = json.loads(run("audit", str(path), "--json").stdout)
    assert [one["vm"] for one in document["vms"]][:6] == [f"vm-{n}" for n in range(6)]


# emit


def test_emit_fits_every_host() -> None:
    """The text switches off what any of the hosts has beyond the level, by the release's syntax."""
    new = run("emit", "xl", "cpu:xeon-gold-6154+as-dumped@4.19", "cpu:core-i7-4930k@4.19")
    assert new.returncode == 0, new.stderr
    assert new.stdout.startswith('cpuid = "host,')
    assert "movbe=0" in new.stdout  # core-i7-4930k lacks it
    assert "avx=0" in new.stdout  # xeon-gold-6154 lacks it
    old = run("emit", "xl", SKYLAKE, IVY)
    assert "cpuid = [\n" in old.stdout
    assert (
        "<feature policy='disable' name=\"movbe\"/>" in run("emit", "libvirt", SKYLAKE, IVY).stdout
    )
    level = json.loads(run("level", SKYLAKE, IVY, "--type", "hvm", "--json").stdout)["levels"][0]
    assert run("emit", "xapi", SKYLAKE, IVY, "--vm", "abc").stdout.startswith(
        f"xe vm-param-set uuid=abc platform:featureset={level['featureset']}\n"
    )


def test_emit_a_difference_from_one_host() -> None:
    """With --for only what that host gives is switched off; an OR-ed feature is switched on."""
    need, safe = "FPU TSC MD_CLEAR", "FPU TSC MOVBE"
    pool = [f"a={text_of(need, '4.19')}", f"b={text_of(safe, '4.19')}"]
    for_b = json.loads(run("emit", "xl", *pool, "--for", pool[1], "--xen", "4.19", "--json").stdout)
    assert for_b["off"] == ["MOVBE"]
    assert for_b["on"] == ["MD_CLEAR"]
    for_a = json.loads(run("emit", "xl", *pool, "--for", pool[0], "--xen", "4.19", "--json").stdout)
    assert (for_a["off"], for_a["on"]) == ([], [])
    both = json.loads(run("emit", "xl", *pool, "--xen", "4.19", "--json").stdout)
    assert (both["off"], both["on"]) == (["MOVBE"], ["MD_CLEAR"])


# mistakes


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("check", IVY), 2, "the following arguments are required: HOST"),
        (("check", "/no/file", IVY), 3, '"/no/file" cannot be read'),
        (("check", IVY, "1fc9cbf5-f6f8320g-00000000"), 2, 'word 1: "f6f8320g" is not 1 to 8 hex'),
        (("check", IVY, "new"), 3, '"new" cannot be read'),
        (("check", IVY, IVY, "--type", "vm"), 2, '--type: "vm" is not pv, hvm, pvh'),
        (("level", IVY, "--xen", "9.9"), 2, "--xen: "),
        (("level", "cpu:nonsense"), 3, "nonsense"),
        (("level", "@/no/file"), 2, "/no/file"),
        (("level", "example:ivybridge-xen-4.17", "--type", "hvm"), 3, "there is no level"),
        (("plan", "leave", "x", "--pool", IVY), 2, '"x" is not in the pool; there are core-i7'),
        (("plan", "join", IVY, "--pool", IVY), 2, "is in the pool already"),
        (
            ("plan", "join", SKYLAKE, "--pool", IVY, "--to-xen", "4.17"),
            2,
            "--to-xen goes with update only",
        ),
        (("plan", "update", IVY, "--pool", IVY), 2, "update needs NEW, or one of --to-xen"),
        (
            ("plan", "update", "x", "--to-xen", "4.17", "--pool", f"x={text_of('FPU SSE')}"),
            3,
            "of x a featureset is known, not its CPU",
        ),
        (("split", IVY, EPYC, "--parts", "1"), 2, "--parts: hosts of 2 vendors"),
        (("audit", IVY), 2, "is no stored record of xapi"),
        (("audit", f"h={host_record(all=text_of('FPU SSE'))}"), 2, "nothing to hold these records"),
        (("emit", "xml", IVY), 2, "invalid choice: 'xml'"),
        (("report", IVY, "--html", "/no/folder/x.html"), 3, "cannot write /no/folder/x.html"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    arguments: tuple[str, ...], code: int, words: str
) -> None:
    """What was read, where, and what would be right; never a traceback."""
    done = run(*arguments)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_vm_is_looked_for_beside_the_host_that_was_chosen(tmp_path: Path) -> None:
    """FILE#HOST names one host; a VM by its name is one of all that the file has."""
    world = World(
        [WorldHost(f"xs-0{n}", sets_of(names("FPU SSE"), names("FPU SSE")), f"h{n}", xen="4.17.5")
         for n in range(2)],
        [WorldVm("web-01", {"features": str(names("FPU SSE"))}, "v0", home=0)],
    )  # fmt: skip
    path = tmp_path / "pool.xml"
    path.write_text(world.database())
    done = run("check", "web-01", f"{path}#xs-01", "-q")
    assert (done.returncode, done.stdout) == (0, "boots, resumes or migrates\n")


def test_a_choice_that_is_not_in_the_file_is_named(tmp_path: Path) -> None:
    """FILE#NAME without such a name says which names there are."""
    file = tmp_path / "vms.txt"
    file.write_text(
        "name-label ( RW): web-01\nlast-boot-CPU-flags ( RO): vendor: GenuineIntel; features: "
        + text_of("FPU SSE")
    )
    done = run("check", f"{file}#web-02", IVY)
    assert done.returncode == 3
    assert 'there is no "web-02" in the file; there are web-01' in done.stderr


# the bar


class _Terminal:
    """Standard error that is a terminal."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.written.append(text)

    def flush(self) -> None:
        pass


def test_the_bar_shows_after_a_second_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing within the first second, then a bar; at the end its line is cleared."""
    terminal, now = _Terminal(), [0.0]
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with progress.Progress("checking VMs", 200) as bar:
        bar.step(50)
        assert not terminal.written
        now[0] = 1.1
        bar.step(100)
        assert (
            "checking VMs [###############...............]  50 % (100 of 200)"
            in (terminal.written[-1])
        )
    assert terminal.written[-1] == "\r\x1b[K"


def test_the_bar_is_for_terminals_only(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe gets nothing, however long it takes."""
    bar = progress.Progress("checking VMs", 2)
    bar._next = 0.0
    bar.step(1)
    assert capsys.readouterr().err == ""


def test_a_host_made_up_can_be_captured_and_checked(tmp_path: Path) -> None:
    """What max takes in and boot does not give is a yes with a price, and its reason is told."""
    file = tmp_path / "made.json"
    file.write_text(capture.dump(made(default="FPU SSE", max_="FPU SSE RTM")))
    done = run("check", text_of("FPU SSE RTM"), str(file))
    assert done.returncode == 11
    assert "taken in, not given at boot: RTM" in done.stdout


def test_a_vm_that_is_in_no_file_is_named_with_those_that_are(tmp_path: Path) -> None:
    """By a mistyped name, or a UUID that reads like a featureset: the names are told."""
    path = tmp_path / "pool.xml"
    path.write_text(a_world().database())
    vms = json.loads(run("read", str(path), "--json").stdout)[0]["vms"]
    for typed in ("web-1", "b0000000-0000-4000-8000-00000000000f"):
        done = run("check", typed, str(path))
        assert done.returncode == 3
        assert f'"{typed}" is no file, and no VM in what is named beside it' in done.stderr
        assert all(vm["name"] in done.stderr for vm in vms)
    assert "it may be a file" in run("check", "web-1", SKYLAKE).stderr


def test_emit_takes_a_vm_by_its_name(tmp_path: Path) -> None:
    """Where a file of the hosts has it, xe is given its UUID."""
    path = tmp_path / "pool.xml"
    path.write_text(a_world().database())
    vm = json.loads(run("read", str(path), "--json").stdout)[0]["vms"][0]
    assert vm["uuid"] != vm["name"]
    done = run("emit", "xapi", str(path), "--vm", vm["name"])
    assert done.stdout.startswith(f"xe vm-param-set uuid={vm['uuid']} platform:featureset=")
