"""xenops-cpu audit: stored records held to what they should be."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator, Mapping, Sequence

from attrs import frozen

from ...features.featureset import Featureset, FeaturesetError
from ...features.fit import by_length
from ...features.release import Release
from ...hosts import cpu_info
from ...inputs import Stored
from ...pools import words as told
from ...pools.audit import Finding, audit, pool_cpu_info
from ...pools.member import Member, Vm, labels, wrong_kind
from ...pools.records import RecordError
from ...pools.verdict import check
from .. import ANSWERED_WITH_AN_ERROR, OK, WRONG_USAGE, Failure, members, terminal, typed
from .. import pool_words as words
from ..derived import Found

_EXAMPLES = """  xenops-cpu audit xapi-db.xml         # the pool against its hosts, VMs against them
  xenops-cpu audit host-cpu-info.txt --host /var/lib/xcp/xenops-cpu  # the database against Xen
  xenops-cpu audit h7=h7.txt h8=h8.txt --pool-record "vendor: GenuineIntel; features_pv: …"
  xenops-cpu audit h7.txt --host h7.json --vm vms.txt

exit codes:
  0  every record is as it should be
  1  some are not: the output says which, and what to do
  2  wrong use      3  something cannot be read
"""

_STALE_HOST = (
    "for a host, restart the toolstack there (xe-toolstack-restart): xapi asks Xen anew then"
)
_STALE_POOL = "for the pool, restart the toolstack on its master: xapi levels the pool anew then"


@frozen
class _Audited:
    """What was compared with what, and what was found. `labels`: compatibility bits, by VM."""

    compared: tuple[str, ...]
    findings: tuple[Finding, ...]
    vms: tuple[tuple[Vm, str], ...]
    labels: tuple[tuple[str, Mapping[str, str]], ...]


def parser() -> argparse.ArgumentParser:
    made = members.parser(
        "audit",
        "Hold stored records to what they should be: Host.cpu_info to what Xen says on that host "
        "(--host), Pool.cpu_info to the level of its hosts, VM.last_boot_CPU_flags to what the "
        "hosts take in.",
        _EXAMPLES,
    )
    made.add_argument(
        "records",
        metavar="RECORD",
        nargs="+",
        help="stored records: xapi's database, what xe host-cpu-info, host-param-list, "
        "pool-param-list or vm-param-list prints, or such text itself; NAME=RECORD names it",
    )
    made.add_argument(
        "--host",
        metavar="HOST",
        nargs="+",
        action="extend",
        default=[],
        help="what Xen says now: socket, capture, cpu:NAME@RELEASE; matched by name if several",
    )
    made.add_argument("--pool-record", metavar="RECORD", help="the stored Pool.cpu_info")
    made.add_argument(
        "--vm", metavar="VM", nargs="+", action="extend", default=[], help=members.VM_HELP
    )
    return made


def run(arguments: argparse.Namespace) -> int:
    stored = [*_stored(arguments.records, arguments), *_pool_record(arguments)]
    hosts = [record for record in stored if record.kind == "host"]
    pools = [record for record in stored if record.kind == "pool"]
    real = members.hosts(arguments.host, arguments)
    matched = _matched(hosts, real)
    vms = [
        *members.vms_of_files(arguments.records, arguments),
        *members.vms(arguments.vm, arguments),
    ]
    taking = [found.member for found in real] or _members(arguments)
    if not real and not pools and not (vms and taking):
        raise Failure(
            "there is nothing to hold these records to: name what Xen says (--host), the stored "
            "record of the pool (--pool-record) or VMs (--vm)",
            WRONG_USAGE,
        )
    try:
        found = _audited(hosts, pools, matched, vms, taking)
    except (RecordError, FeaturesetError) as error:
        raise Failure(str(error)) from error
    code = ANSWERED_WITH_AN_ERROR if found.findings or found.vms else OK
    if arguments.json:
        words.print_json(_document(found))
    else:
        _tell(found, {_pool_name(pool) for pool in pools})
    return code


def _stored(texts: Sequence[str], arguments: argparse.Namespace) -> Iterator[Stored]:
    xen = members.xen_release(arguments)
    for place, text in enumerate(texts, 1):
        name, bare = typed.split_name(text)
        given = typed.read(bare, xen)
        if not given.stored and not given.vms:
            raise Failure(
                f'"{typed.shown(text)}" is no stored record of xapi; captures, sockets and '
                "simulations go to --host",
                WRONG_USAGE,
            )
        for record in given.stored:
            alone = name if len(given.stored) == 1 else ""
            yield Stored(record.kind, alone or record.name or f"host {place}", record.cpu_info)


def _pool_record(arguments: argparse.Namespace) -> Iterator[Stored]:
    if arguments.pool_record is not None:
        given = typed.read(arguments.pool_record, members.xen_release(arguments))
        if len(given.stored) != 1:
            raise Failure(
                f"--pool-record: {len(given.stored)} records of CPUs; one is wanted", WRONG_USAGE
            )
        yield Stored("pool", "the pool", given.stored[0].cpu_info)


def _members(arguments: argparse.Namespace) -> list[Member]:
    """The hosts as the stored records have them."""
    xen = members.xen_release(arguments)
    texts = [text for text in arguments.records if typed.read(typed.split_name(text)[1], xen).hosts]
    return members.members(texts, arguments)


def _matched(hosts: Sequence[Stored], real: Sequence[Found]) -> dict[str, Found]:
    """What Xen says, by the name of the stored record. Raises Failure."""
    for found in real:
        if found.host is None:
            raise Failure(
                f"--host: of {found.member.name} one featureset is known, not what a record holds",
                WRONG_USAGE,
            )
    if len(hosts) == len(real) == 1:
        return {hosts[0].name: real[0]}
    names = {record.name for record in hosts}
    strange = [found.member.name for found in real if found.member.name not in names]
    if strange and hosts:
        raise Failure(
            f"--host: there is no record of {told.some(strange)}; records are of "
            f"{told.some(sorted(names)) or 'no host'}: name them alike, NAME=HOST",
            WRONG_USAGE,
        )
    return {found.member.name: found for found in real}


def _audited(
    hosts: Sequence[Stored],
    pools: Sequence[Stored],
    matched: Mapping[str, Found],
    vms: Sequence[Vm],
    taking: Sequence[Member],
) -> _Audited:
    compared: list[str] = []
    findings: list[Finding] = []
    maps: list[tuple[Mapping[str, str], bool]] = []
    for record in hosts:
        found = matched.get(record.name)
        if found is None or found.host is None:
            maps.append((record.cpu_info, _runs_hvm(record.cpu_info)))
            continue
        now = cpu_info.xapi_map(cpu_info.cpu_info(found.host))
        maps.append((now, found.host.hvm))
        compared.append(f"the record of {record.name} with what Xen says ({found.host.origin})")
        findings += audit(record.name, record.cpu_info, now, found.host.release)
    for pool in pools:
        if not maps:
            raise Failure("a pool's record needs those of its hosts beside it", WRONG_USAGE)
        expected = pool_cpu_info(maps)
        said = "as Xen says now" if matched else "as their records are"
        compared.append(
            f"the record of {_pool_name(pool)} with the level of "
            f"{told.count(len(maps), 'host')}, {said}"
        )
        length = max(
            (Featureset.parse(v).length for k, v in expected.items() if k.startswith("features")),
            default=0,
        )
        findings += audit(_pool_name(pool), pool.cpu_info, expected, _rules(taking, length))
    wrong = _told_of_vms(vms, taking)
    if vms and taking:
        compared.append(
            f"{told.count(len(vms), 'VM')} with what {told.count(len(taking), 'host')} can take in"
        )
    return _Audited(tuple(compared), tuple(findings), tuple(wrong), tuple(_labelled(vms, taking)))


def _pool_name(pool: Stored) -> str:
    return pool.name or "the pool"


def _rules(taking: Sequence[Member], length: int) -> Release:
    fitting = [member.release for member in taking if member.release.length == length]
    return fitting[0] if fitting else by_length(length).release


def _runs_hvm(info: Mapping[str, str]) -> bool:
    return bool(Featureset.parse(info.get("features_hvm", "")))


def _told_of_vms(vms: Sequence[Vm], taking: Sequence[Member]) -> Iterator[tuple[Vm, str]]:
    """What is wrong with a VM's record: the wrong kind of set, or no host that takes it in."""
    for vm in vms:
        if not taking:
            return
        strange = wrong_kind(vm, taking[0].release)
        if strange:
            names = " ".join(taking[0].release.names(strange))
            yield (
                vm,
                (
                    f"a PV guest with an HVM featureset ({names}): its domain type was changed "
                    "after it booted; start it anew"
                ),
            )
        answers = [check(vm, member) for member in taking]
        if not any(answer.verdict.allowed for answer in answers):
            nearest = min(answers, key=lambda answer: (answer.verdict.value, len(answer.missing)))
            lacking = " ".join(lack.name for lack in nearest.missing)
            said = "; ".join((*nearest.problems, *([f"lacks {lacking}"] if lacking else [])))
            yield vm, f"no host takes it in; the nearest is {nearest.host}: {said}"


def _labelled(
    vms: Sequence[Vm], taking: Sequence[Member]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The compatibility bits of each record, by name, with where they come from."""
    for vm in vms:
        if not taking:
            return
        xen = taking[0].release
        bits = {xen.label(number): reason for number, reason in labels(vm, xen).items()}
        if bits:
            yield vm.name, bits


def _document(found: _Audited) -> dict[str, object]:
    return {
        "compared": list(found.compared),
        "findings": [
            {
                "record": finding.record,
                "key": finding.key,
                "stored": finding.stored,
                "expected": finding.expected,
                "lost": list(finding.lost),
                "gained": list(finding.gained),
            }
            for finding in found.findings
        ],
        "vms": [{"vm": vm.name, "text": text} for vm, text in found.vms],
        "compatibility_bits": [{"vm": vm, "features": bits} for vm, bits in found.labels],
    }


def _tell(found: _Audited, pools: Collection[str]) -> None:
    for what in found.compared:
        terminal.paragraph(f"compared: {what}", hanging=2)
    if not found.findings and not found.vms:
        terminal.line("every record is as it should be", "green")
    for finding in found.findings:
        terminal.paragraph(str(finding), hanging=2, style="red")
    for vm, text in found.vms:
        terminal.paragraph(f"{vm.name}: {text}", hanging=2, style="red")
    for name, bits in found.labels:
        alike: dict[str, list[str]] = {}
        for bit, reason in bits.items():
            alike.setdefault(reason, []).append(bit)
        for reason, names in alike.items():
            terminal.paragraph(
                f"{name}: compatibility bits only, {' '.join(names)}: {reason}", hanging=2
            )
    stale = {finding.record in pools for finding in found.findings}
    for of_pool in sorted(stale):
        terminal.paragraph(f"to do: {_STALE_POOL if of_pool else _STALE_HOST}", hanging=2)
