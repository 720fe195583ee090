"""Domains: what each step answered, and the policy they had in the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.cpuid.slots import EXTENDED
from xenops_cpu.derivation import Derivation
from xenops_cpu.derivation.policies import system_policies
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import Release
from xenops_cpu.guests.domain import Config, Domain, Refusal
from xenops_cpu.guests.hypervisor import Build, Hypervisor, of_derivation
from xenops_cpu.guests.libxc import apply
from xenops_cpu.guests.setting import Msr, create, set_policy, start
from xenops_cpu.guests.strings import MsrString, XendLeaf
from xenops_cpu.guests.wishes import Wishes

from . import runs, texts
from .hosts import Corpus, booted, libxc_of
from .score import Score, differences

_HVM, _HAP, _NESTED, _VPMU = 1 << 0, 1 << 1, 1 << 6, 1 << 7
_TYPES = {"pv64": "pv", "pv32": "pv32", "hvm": "hvm", "pvh": "pvh"}
_KIND_FLAGS = {"hvm-shadow": _HVM, "hvm-hap": _HVM | _HAP, "hvm-hap-nested": _HVM | _HAP | _NESTED}
# Debian builds neither.
DEBIAN = Build(shadow=False, pv32=False)
# What the hand-made part of the program behind userspace.json.gz does not do: see _by_hand.
_MASKED_LEAVES = (EXTENDED + 0x1D, EXTENDED + 0x20)


def booted_hosts(folder: Path, domains: Score, guests: Score, policies: Score) -> None:
    """Every host of a folder: its six policies, its domains, its guests that ran."""
    for path in sorted((folder / "hosts").glob("*.json*")):
        host = texts.load(path)
        derivation = booted(host["xen"], texts.policy(host["policies"]["raw"]), host["xen_cmdline"])
        ours = system_policies(derivation)
        for name, record in host["policies"].items():
            policies.count(f"{host['boot']} {name}", differences(texts.policy(record), ours[name]))
        packed = folder / "domains" / f"{path.name.partition('.json')[0]}.json.gz"
        if packed.is_file():
            _domains(packed, of_derivation(derivation, DEBIAN), domains, guests)


def _domains(path: Path, xen: Hypervisor, domains: Score, guests: Score) -> None:
    data = texts.load(path)
    for record in data["records"]:
        domain = _held(record, data["policies"], xen, domains)
        if domain is not None and "run" in record:
            runs.count(record, domain, guests)


def _held(
    record: Mapping[str, Any], policies: Mapping[str, Any], xen: Hypervisor, score: Score
) -> Domain | None:
    where = f"{record['boot']} {record['kind']} {record['name']}"
    refused = record.get("create_errno", record.get("width_errno"))
    try:
        domain = create(xen, config(record))
    except Refusal as refusal:
        right = refusal.errno == refused
        score.count(where, [] if right else [f"creation: {refusal}, should be {refused}"])
        return None
    if refused is not None:
        score.count(where, [f"created, should be refused with errno {refused}"])
        return None
    domain, results = take(domain, record["steps"])
    faults = [] if results == record["results"] else [f"{results}, should be {record['results']}"]
    faults += differences(texts.policy(policies[record["policy"]]), domain.policy)
    score.count(where, faults)
    return domain


def config(record: Mapping[str, Any]) -> Config:
    """How a domain was created."""
    flags = int(record.get("flags", _KIND_FLAGS.get(record["kind"], 0)))
    return Config(
        type=_TYPES[record["kind"].partition("-")[0]],
        hap=bool(flags & _HAP) if flags & _HVM else None,
        nested=bool(flags & _NESTED),
        vpmu=bool(flags & _VPMU),
        vtsc=bool(record.get("vtsc")),
    )


def take(
    domain: Domain, steps: list[Any], libxc: Release | None = None
) -> tuple[Domain, list[dict[str, Any]]]:
    """The domain after some steps, and what each answered."""
    results: list[dict[str, Any]] = []
    for kind, arguments in steps:
        if kind == "apply":
            domain, refusal = apply(domain, wishes(arguments), libxc)
            results.append({"rc": -refusal.errno if refusal else 0})
            continue
        try:
            domain = set_policy(domain, *entries(arguments))
            results.append({"rc": 0})
        except Refusal as refused:
            place = [f"{value:x}" for value in (refused.leaf, refused.subleaf, refused.msr)]
            results.append({"rc": -1, "errno": refused.errno, "err": place})
    return domain, results


def wishes(arguments: Mapping[str, Any]) -> Wishes:
    words = arguments.get("fs")
    return Wishes(
        restore=bool(arguments.get("restore", 0)),
        featureset=None if words is None else Featureset.of_words(int(w, 16) for w in words),
        pae=bool(arguments.get("pae", 1)),
        itsc=bool(arguments.get("itsc", 0)),
        nested=bool(arguments.get("nested", 0)),
        cores_per_socket=int(arguments.get("cps") or 0),
        xend=tuple(
            XendLeaf(int(number, 16), texts.subleaf(sub), (a, b, c, d))
            for number, sub, (a, b, c, d) in arguments.get("xend") or ()
        ),
        msr=tuple(MsrString(int(i, 16), text) for i, text in arguments.get("msr") or ()),
    )


def entries(arguments: Mapping[str, Any]) -> tuple[list[Any], list[Msr]]:
    """Leaves and registers of a set step; with `nr`, that many leaves, the rest zeros."""
    leaves = [texts.leaf(text) for text in arguments["leaves"]]
    if "nr" in arguments:
        missing = int(arguments["nr"]) - len(leaves)
        leaves = (leaves + [((0, 0), (0, 0, 0, 0))] * missing)[: int(arguments["nr"])]
    entries = [m.split() if isinstance(m, str) else m for m in arguments["msrs"]]
    return leaves, [Msr(*(int(str(part), 16) for part in entry)) for entry in entries]


def userspace(folder: Path, domains: Score, policies: Score) -> None:
    """Xen's own functions, compiled and given dumps of the corpus.

    By hand were made, and are not Xen's: no memory encryption, no MSR ceh, no check whether a
    domain may be created, and a raw policy that is the dump itself (see _by_hand).
    """
    path = folder / "userspace.json.gz"
    if not path.is_file():
        return
    data, corpus = texts.load(path), Corpus(folder.parent)
    derived: dict[tuple[str, str], Derivation] = {}
    for record in data["records"]:
        key = xen, dump = record["xen"], record["dump"]
        if key not in derived:
            params = corpus.params("4.17" if xen == "xs8" else xen).get(dump, {})
            derived[key] = corpus.derived(xen, dump, params, no_faulting=True)
        where = f"{xen} {dump} {record['kind']} {record['name']}"
        if record["kind"] == "system":
            ours = system_policies(derived[key])
            for name, identity in record["policies"].items():
                want = texts.policy(data["policies"][identity])
                policies.count(
                    f"{where} {name}", differences(_by_hand(want, name), _by_hand(ours[name], name))
                )
            continue
        settings = config(record)
        domain = start(_unencrypted(of_derivation(derived[key])), settings, hap=bool(settings.hap))
        domain, results = take(domain, record["steps"], libxc_of(xen))
        faults = [] if results == record["results"] else [f"{results}, not {record['results']}"]
        faults += differences(texts.policy(data["policies"][record["policy"]]), domain.policy)
        domains.count(where, faults)


def _unencrypted(xen: Hypervisor) -> Hypervisor:
    """A host whose memory encryption takes no bits of its addresses."""
    raw = xen.raw.copy()
    raw.set(EXTENDED + 0x1F, ebx=0)
    return evolve(xen, tables={**xen.tables, "raw": raw})


def _by_hand(policy: Policy, name: str) -> Policy:
    """Without what the hand-made raw policy has as the dump has it: OSXSAVE, OSPKE, MSR 10ah, sizes
    of state that is switched on; and, in host as well, subleaf 0 of 8000001dh and 80000020h.
    """
    return Policy(dict(_masked(policy, name)), {} if name == "raw" else policy.msrs)


def _masked(policy: Policy, name: str) -> Iterator[tuple[tuple[int, int], Any]]:
    for key, (a, b, c, d) in policy.leaves.items():
        match key:
            case (0x1, _) if name == "raw":
                yield key, (a, b, c & ~(1 << 27), d)
            case (0x7, 0) if name == "raw":
                yield key, (a, b, c & ~(1 << 4), d)
            case (0xD, 0 | 1) if name == "raw":
                yield key, (a, 0, c, d)
            case (number, _) if number in _MASKED_LEAVES and name in ("raw", "host"):
                yield key, (0, 0, 0, 0)
            case _:
                yield key, (a, b, c, d)
