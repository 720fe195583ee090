"""xenops-cpu audit: stored records held to what they should be."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from ...errors import InputError
from ...hosts import parts
from ...hosts.cpu_info import cpu_info, xapi_map
from ...hosts.host import Host
from ...inputs import Stored
from ...inputs.argument import shown, split_name
from ...inputs.known import KnownHost
from ...pools import audit
from ...pools import words as phrases
from ...pools.audit import Finding
from ...pools.member import Member
from ...pools.records import HostRecord, runs_hvm
from ...pools.vm import Vm
from .. import (
    ANSWERED_WITH_AN_ERROR,
    OK,
    WRONG_USAGE,
    Failure,
    audit_running,
    command_line,
    findings,
    pool_arguments,
    terminal,
    vm_arguments,
)
from ..arguments import read
from ..arguments import release as asked_release
from ..words import audit as words
from ..words.audit import Audited

_EXAMPLES = """  xenops-cpu audit xapi-db.xml         # the pool against its hosts, VMs against them
  xenops-cpu audit host-cpu-info.txt --host /var/lib/xcp/xenops-cpu  # the database against Xen
  xenops-cpu audit h7=h7.txt h8=h8.txt --pool-record "vendor: GenuineIntel; features_pv: …"
  xenops-cpu audit h7.txt --host h7.json --vm vms.txt
  xenops-cpu audit xapi-db.xml --running   # in dom0: VMs that run, held to their records
  xenops-cpu audit xapi://operator@xs-01 --raise-messages   # findings as messages in the pool
  xenops-cpu audit xapi://reader@xs-01 --hook "/usr/local/bin/tell-us --channel ops"

exit codes:
  0  every record is as it should be
  1  some are not: the output says which, and what to do
  2  wrong use      3  something cannot be read
"""

_VERDICTS = {
    OK: "every record is as it should be",
    ANSWERED_WITH_AN_ERROR: "some records are not as they should be",
}


def parser() -> argparse.ArgumentParser:
    command = pool_arguments.parser(
        "audit",
        "Hold stored records to what they should be: Host.cpu_info to what Xen says on that host "
        "(--host), Pool.cpu_info to the level of its hosts, VM.last_boot_CPU_flags to what the "
        "hosts take in.",
        _EXAMPLES,
    )
    command.add_argument(
        "records",
        metavar="RECORD",
        nargs="+",
        help="stored records: xapi's database, what xe host-cpu-info, host-param-list, "
        "pool-param-list or vm-param-list prints, or such text itself; NAME=RECORD names it",
    )
    command.add_argument(
        "--host",
        metavar="HOST",
        nargs="+",
        action="extend",
        default=[],
        help="what Xen says now: socket, capture, cpu:NAME@RELEASE; matched by name if several",
    )
    command.add_argument("--pool-record", metavar="RECORD", help="the stored Pool.cpu_info")
    command.add_argument(
        "--vm", metavar="VM", nargs="+", action="extend", default=[], help=vm_arguments.HELP
    )
    audit_running.add_option(command)
    findings.add_options(command)
    command_line.add_quiet(command, _VERDICTS)
    return command


def run(arguments: argparse.Namespace) -> int:
    stored = [*_stored(arguments.records, arguments), *_pool_record(arguments)]
    hosts = [record for record in stored if record.kind == "host"]
    pools = [record for record in stored if record.kind == "pool"]
    real = pool_arguments.hosts(arguments.host, arguments)
    matched = _matched(hosts, real)
    own = _own(hosts, arguments)
    vms = vm_arguments.all_vms(arguments.vm, arguments, files=arguments.records)
    recorded = _members(arguments)
    taking = [typed.member for typed in real] or recorded
    running = audit_running.running(arguments)
    if not real and not pools and not own and not running and not (vms and taking):
        raise Failure(
            "there is nothing to hold these records to: name what Xen says (--host), the stored "
            "record of the pool (--pool-record) or VMs (--vm)",
            WRONG_USAGE,
        )
    try:
        audited = _audited(hosts, pools, matched, vms, taking)
        audited = _with_own(audited, hosts, {k: v for k, v in own.items() if k not in matched})
        compared, outlooks = audit_running.held(running, vms, taking, pools)
        audited = evolve(
            audited, compared=(*audited.compared, *compared), vms=(*audited.vms, *outlooks)
        )
    except InputError as error:
        raise Failure(str(error)) from error
    code = ANSWERED_WITH_AN_ERROR if audited.findings or audited.vms else OK
    old = _old_microcode([*real, *pool_arguments.hosts(_with_hosts(arguments), arguments)])
    if arguments.json:
        microcode = [{"host": name, "text": text} for name, text in old.items()]
        terminal.print_json({**words.document(audited), "microcode": microcode})
    elif not arguments.lines:
        for name, text in old.items():
            terminal.paragraph(f"{name}: {text}", hanging=2)
        words.tell(audited, {_pool_name(pool) for pool in pools})
    subjects = {record.name: findings.Subject("host", record.uuid) for record in hosts}
    subjects |= {_pool_name(pool): findings.Subject("pool", pool.uuid) for pool in pools}
    upgrading = any(member.membership.upgrading for member in recorded)
    documents = list(findings.lines(audited.findings, audited.vms, subjects))
    findings.hand_on(documents, arguments, upgrading)
    return code


def _stored(texts: Sequence[str], arguments: argparse.Namespace) -> Iterator[Stored]:
    """The records, each once: of two databases of a pool the newer counts."""
    xen = asked_release(arguments)
    kept = {id(record) for record in pool_arguments.stored(texts, arguments)}
    for place, text in enumerate(texts, 1):
        name, bare = split_name(text)
        source = read(bare, xen)
        own = any(not named.host.recorded and named.host.uuid for named in source.hosts)
        if not source.stored and not source.vms and not own:
            raise Failure(
                f'"{shown(text)}" is no stored record of xapi; captures, sockets and '
                "simulations go to --host",
                WRONG_USAGE,
            )
        for record in source.stored:
            alone = name if len(source.stored) == 1 else ""
            called = alone or record.name or f"host {place}"
            if id(record) in kept:
                yield Stored(record.kind, called, record.cpu_info, record.uuid)


def _pool_record(arguments: argparse.Namespace) -> Iterator[Stored]:
    if arguments.pool_record is not None:
        source = read(arguments.pool_record, asked_release(arguments))
        if len(source.stored) != 1:
            raise Failure(
                f"--pool-record: {len(source.stored)} records of CPUs; one is wanted", WRONG_USAGE
            )
        yield Stored("pool", "the pool", source.stored[0].cpu_info)


def _members(arguments: argparse.Namespace) -> list[Member]:
    """The hosts as the stored records have them."""
    return pool_arguments.members(_with_hosts(arguments), arguments)


def _with_hosts(arguments: argparse.Namespace) -> list[str]:
    xen = asked_release(arguments)
    return [text for text in arguments.records if read(split_name(text)[1], xen).hosts]


def _own(hosts: Sequence[Stored], arguments: argparse.Namespace) -> dict[int, Host]:
    """What Xen says in the same files as the stored records, by their place: a bug report has both.

    Not where the sets are made from policies, which lack what XenServer's libxc adds.
    """
    by_uuid = {
        named.host.uuid: named.host
        for typed in pool_arguments.hosts(_with_hosts(arguments), arguments)
        if (named := typed.named) is not None
    }
    own: dict[int, Host] = {}
    for place, record in enumerate(hosts):
        host = by_uuid.get(record.uuid) if record.uuid else None
        if host is not None and not host.recorded and parts.FROM_POLICIES not in host.notes:
            own[place] = host
    return own


def _old_microcode(hosts: Sequence[KnownHost]) -> dict[str, str]:
    """Of hosts whose microcode is known and not the newest public: no finding, but to be known."""
    from ...cpus.updates import outdated_host

    named = {typed.member.name: typed.named for typed in hosts}
    told_of = {name: outdated_host(host.host) for name, host in named.items() if host is not None}
    return {name: text for name, text in told_of.items() if text}


def _with_own(audited: Audited, hosts: Sequence[Stored], own: Mapping[int, Host]) -> Audited:
    """The stored featuresets held to Xen's own in the same file as well."""
    compared, findings = list(audited.compared), list(audited.findings)
    for place, host in own.items():
        record = hosts[place]
        compared.append(f"the record of {record.name} with what Xen says ({host.origin})")
        findings += (
            finding
            for finding in audit.of_host(record.name, record.cpu_info, host)
            if finding.key.startswith("features_")
        )
    return evolve(audited, compared=tuple(compared), findings=tuple(findings))


def _matched(hosts: Sequence[Stored], real: Sequence[KnownHost]) -> dict[int, KnownHost]:
    """What Xen says, by the place of the stored record: by UUID, else by name. Raises Failure."""
    for typed in real:
        if typed.named is None:
            raise Failure(
                f"--host: of {typed.member.name} one featureset is known, not what a record holds",
                WRONG_USAGE,
            )
    if len(hosts) == len(real) == 1:
        return {0: real[0]}
    by_place: dict[int, KnownHost] = {}
    for typed in real:
        uuid, name = typed.member.uuid, typed.member.name
        places = [i for i, record in enumerate(hosts) if uuid and record.uuid == uuid]
        places = places or [i for i, record in enumerate(hosts) if record.name == name]
        if len(places) > 1:
            raise Failure(
                f"--host: {len(places)} records are named {name}: which is meant, a UUID would say",
                WRONG_USAGE,
            )
        if places:
            by_place[places[0]] = typed
        elif hosts:
            names = phrases.some(sorted({record.name for record in hosts})) or "no host"
            raise Failure(
                f"--host: there is no record of {name}; records are of {names}: name them alike, "
                "NAME=HOST",
                WRONG_USAGE,
            )
    return by_place


def _audited(
    hosts: Sequence[Stored],
    pools: Sequence[Stored],
    matched: Mapping[int, KnownHost],
    vms: Sequence[Vm],
    taking: Sequence[Member],
) -> Audited:
    compared: list[str] = []
    findings: list[Finding] = []
    records: list[HostRecord] = []
    for place, record in enumerate(hosts):
        typed = matched.get(place)
        if typed is None or typed.named is None:
            records.append(HostRecord(record.cpu_info, runs_hvm(record.cpu_info)))
            continue
        host = typed.named.host
        records.append(HostRecord(xapi_map(cpu_info(host)), host.hvm))
        compared.append(f"the record of {record.name} with what Xen says ({host.origin})")
        findings += audit.of_host(record.name, record.cpu_info, host)
    for pool in pools:
        if not records:
            raise Failure("a pool's record needs those of its hosts beside it", WRONG_USAGE)
        against = "as Xen says now" if matched else "as their records are"
        compared.append(
            f"the record of {_pool_name(pool)} with the level of "
            f"{phrases.count(len(records), 'host')}, {against}"
        )
        findings += audit.of_pool(_pool_name(pool), pool.cpu_info, records, taking)
    if vms and taking:
        compared.append(
            f"{phrases.count(len(vms), 'VM')} with what "
            f"{phrases.count(len(taking), 'host')} can take in"
        )
    return Audited(
        tuple(compared),
        tuple(findings),
        tuple(audit.of_vms(vms, taking)),
        tuple(audit.compat_bits(vms, taking)),
    )


def _pool_name(pool: Stored) -> str:
    return pool.name or "the pool"
