"""Domains that run, as a person names them: the real binding against a stand-in for libxc."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from tests.cli.test_decode import Shell, sh
from tests.sources.test_xen import bindings, use
from tests.support import fake_xen
from tests.support.hosts import example
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.cpuid.slots import slots
from xenops_cpu.cpuid.table import whole
from xenops_cpu.cpuid.words import featureset_policy, guest_featureset
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.hosts.host import Host

__all__ = ["bindings", "sh", "use"]

HOST = "example:epyc-xen-4.17"
UUID = "01010101-0101-0101-0101-010101010101"


@pytest.fixture
def levelled(use: Callable[..., Any], tmp_path: Path) -> Policy:
    """This machine is a dom0 of that host; domain 7 runs without AVX2, domain 14 is PV."""
    host = example("epyc-xen-4.17")
    default = host.policies["hvm_default"]
    less = guest_featureset(default, host.release) - host.release.featureset(["AVX2"])
    policy = whole(featureset_policy(less, host.release, default), slots(host.release))
    world = tmp_path / "world"
    pv = host.policies["pv_default"]
    fake_xen.world(world, host, {0: pv, 7: policy, 14: pv})
    use("4.17", f"domains=3 world={world}")
    return policy


def test_read(sh: Shell, levelled: Policy) -> None:
    """All that run, with id, UUID and type; dom0 is no VM."""
    text = sh("read", "domain:all")
    assert "VM domain 7 (HVM, AuthenticAMD)" in text
    assert "VM domain 14 (PV, AuthenticAMD)" in text
    assert "left out, as no VMs: 1 control domain" in text
    [document] = json.loads(sh("read", "domain:7", "--json"))
    assert (document["kind"], document["vms"][0]["uuid"]) == ("domain", UUID)
    assert Policy.parse(document["policy"]) == levelled


def test_check(sh: Shell, levelled: Policy) -> None:
    """A domain may be checked as a suspend image may, its limits too; one of all by its UUID."""
    for text in ("domain:7", f"domain:all#{UUID}", "web-01=domain:7"):
        answer = json.loads(sh("check", text, HOST, "--json"))["answers"][0]
        assert answer["verdict"] == "Migrates"
        assert not any("leaves were not compared" in note for note in answer["notes"])
        assert answer["vm"] == ("web-01" if "=" in text else "domain 7")
    assert len(json.loads(sh("check", "domain:all", HOST, "--json"))["answers"]) == 2


def test_dom0_goes_nowhere(sh: Shell, levelled: Policy) -> None:
    """It can be read, and migrates never."""
    assert "it is dom0" in sh("check", "domain:0", HOST, code=13)


def test_diff(sh: Shell, levelled: Policy) -> None:
    """Two domains are compared as whole policies; a domain and a host as a journey."""
    text = sh("diff", "domain:7", "domain:7")
    assert "the same" in text
    journey = json.loads(sh("diff", "domain:7", HOST, "--json"))
    assert (journey["kind"], journey["same"]) == ("arrival", True)
    sh("diff", "domain:all", HOST, code=2)
    assert "name one, domain:all#NAME" in sh.errors


def test_explain(sh: Shell, levelled: Policy) -> None:
    """Whether it has the feature, and how that goes with what the host below gives."""
    text = " ".join(sh("explain", "AVX2", "in", "domain:7").split())
    assert "domain 7: no the host gives it to new HVM guests: a pool's level" in text
    assert "HVM default, what an HVM or PVH guest gets at boot: yes" in text
    [one] = json.loads(sh("explain", "AVX", "in", "domain:7", "--json"))["features"]
    assert one["vm"] == {
        "name": "domain 7", "present": True, "why": "the host gives it to new HVM guests",
    }  # fmt: skip


def test_explain_in_other_vms(sh: Shell) -> None:
    """A record is a VM as well; without a host only what it has is told."""
    record = "vendor: GenuineIntel; features: 1789c3f5-80882203"
    text = sh("explain", "SSE3,AVX512F", "in", record)
    assert "the VM: yes" in text
    assert "its record has 2 words only" in text
    assert "  raw, what CPUID shows" not in text
    text = " ".join(sh("explain", "SSE3", "in", record, "on", HOST).split())
    assert "the VM: yes the host gives it to new HVM guests" in text
    sh("explain", "MDS", "in", record, code=2)
    assert "MDS is no feature that a VM has or has not" in sh.errors
    sh("explain", "SSE3", "in", code=2)
    assert "NAME in VM on HOST" in sh.errors


def test_vm(sh: Shell, levelled: Policy) -> None:
    """What it has, in words, as leaves and as its guest reads it; settings are refused."""
    text = sh("vm", "domain:7")
    assert text.startswith("HVM guest under Xen 4.17: domain 7\n")
    assert "- AVX2" in text
    assert Policy.parse(sh("vm", "domain:7", "--text")) == levelled
    assert "highest leaf, vendor" in sh("vm", "domain:7", "--guest")
    sh("vm", "domain:7", "--nested", code=2)
    assert "--nested is for a VM that is to be made" in sh.errors
    sh("vm", "domain:all", code=2)
    assert "name one domain" in sh.errors
    sh("vm", "domain:7", "--diff", "domain:7")
    restored = json.loads(sh("vm", HOST, "--stream", "domain:7", "--json"))
    assert restored["refusal"] is None


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("domain:5", 3, "domain:5: there is no domain 5; xl list shows"),
        ("domain:web-01", 2, "a domain is named by its number"),
        ("domain:-1", 2, "domain:0 to domain:32751"),
        ("domain:32752", 2, "domain:0 to domain:32751"),
        ("domain:", 2, "a domain is named by its number"),
    ],
)
def test_no_such_domain(sh: Shell, levelled: Policy, text: str, code: int, said: str) -> None:
    """What is named wrong and what is not there are told apart."""
    sh("check", text, HOST, code=code)
    assert said in sh.errors


def test_elsewhere(sh: Shell) -> None:
    """Outside dom0 the error says what to give instead."""
    sh("check", "domain:7", HOST, code=3)
    assert "domains are read in dom0" in sh.errors
    assert "xen-cpuid -p 7" in sh.errors
    assert "--source" not in sh.errors


# audit


def record(host: Host) -> str:
    """Host.cpu_info as xapi stores it, as text."""
    return "; ".join(f"{key}: {value}" for key, value in xapi_map(cpu_info(host)).items())


def flags(tmp_path: Path, features: str) -> str:
    """A file with the record of the VM that runs as domain 7."""
    path = tmp_path / "vms.txt"
    path.write_text(
        f"uuid ( RO): {UUID}\nname-label ( RW): web-01\npower-state ( RO): running\n"
        "domain-type ( RW): hvm\n"
        f"last-boot-CPU-flags ( RO): vendor: AuthenticAMD; features: {features}\n"
    )
    return str(path)


def lacking(host: Host, *names: str) -> Host:
    """The host without these: neither given nor taken in."""
    sets, without = host.featuresets, host.release.featureset(list(names))
    most = (sets.hvm_max or sets.hvm_default) - without
    less = evolve(sets, hvm_max=most, hvm_default=sets.hvm_default - without)
    return evolve(host, featuresets=less)


def test_audit_running_has_less(sh: Shell, levelled: Policy, tmp_path: Path) -> None:
    """The record has AVX2, the VM has not: it is told, and the host that is refused in vain."""
    host = example("epyc-xen-4.17")
    records = f"h7={record(host)}", f"h8={record(lacking(host, 'AVX2'))}"
    vms = flags(tmp_path, str(host.featuresets.hvm_default))
    typed = ("audit", *records, "--vm", vms, "--running", "domain:7")
    found = json.loads(sh(*typed, "--json", code=1))
    assert any("what 1 VM that run really have" in text for text in found["compared"])
    assert {each["vm"] for each in found["vms"]} == {"web-01"}
    texts = [each["text"] for each in found["vms"]]
    assert "it lacks AVX2, which its record has" in texts[0]
    assert "xapi refuses h8 for AVX2, which the VM does not have" in texts[1]
    assert len(texts) == 2


def test_audit_running_has_more(sh: Shell, levelled: Policy, tmp_path: Path) -> None:
    """The record lacks BMI2, the VM has it: xapi lets it go where it loses that."""
    host = example("epyc-xen-4.17")
    records = f"h7={record(host)}", f"h8={record(lacking(host, 'AVX2', 'BMI2'))}"
    less = host.featuresets.hvm_default - host.release.featureset(["AVX2", "BMI2"])
    typed = ("audit", *records, "--vm", flags(tmp_path, str(less)), "--running", "domain:7")
    first, second = (each["text"] for each in json.loads(sh(*typed, "--json", code=1))["vms"])
    assert "it has BMI2, which its record lacks" in first
    assert "at a migration to h8, which xapi allows, it loses BMI2 without a word" in second


def test_audit_running_without_a_record(sh: Shell, levelled: Policy) -> None:
    """All domains are looked at where none is named; what has no record is told."""
    text = sh("audit", f"h7={record(example('epyc-xen-4.17'))}", "--running", code=1)
    assert "domain 7: it runs, and of the records that were read none is its" in text
    assert "domain 14: it runs" in text
    assert "domain 0" not in text
    host = record(example("epyc-xen-4.17"))
    sh("audit", f"h7={host}", "--running", "domain:7", "--raise-messages", code=2)
    assert "xapi has no message for what a VM that runs has" in sh.errors


def test_audit_of_a_policy_elsewhere(sh: Shell, tmp_path: Path) -> None:
    """Where no hypervisor can be asked, the text of a policy stands for the VM of that name."""
    host = example("epyc-xen-4.17")
    policy = tmp_path / "web-01.policy"
    policy.write_text(str(host.policies["hvm_default"]))
    more = host.featuresets.hvm_default | host.release.featureset(["AVX512F"])
    typed = ("audit", f"h7={record(host)}", "--vm", flags(tmp_path, str(more)), "--running")
    found = json.loads(sh(*typed, f"web-01={policy}", "--json", code=1))
    assert any("it lacks AVX512F, which its record has" in each["text"] for each in found["vms"])


def test_audit_running_beside_the_level(sh: Shell, levelled: Policy, tmp_path: Path) -> None:
    """More than the pool's level is told, with what the next start does; the same is nothing."""
    host = example("epyc-xen-4.17")
    has = guest_featureset(levelled, host.release)
    vms = flags(tmp_path, str(has))
    typed = ("audit", f"h7={record(host)}", "--vm", vms, "--running", "domain:7", "--json")
    assert json.loads(sh(*typed))["vms"] == []
    level = has - host.release.featureset(["BMI1"]) | host.release.featureset(["AVX2"])
    pool = f"vendor: AuthenticAMD; features_hvm: {level}; features_hvm_host: {level}"
    found = json.loads(sh(*typed, "--pool-record", pool, code=1))
    assert any(
        "it has BMI1, which the pool's level has not: at its next start it loses that, and gains "
        "AVX2" in each["text"]
        for each in found["vms"]
    )
