"""xenops-cpu info: one host for people (or --json, --xapi for programs)."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from ... import interface
from ...features import meanings
from ...features.featureset import Featureset
from ...features.fit import fit
from ...features.release import Release
from ...hosts.cpu_info import xapi_map
from ...hosts.host import NO_IOMMU, NO_SETS, UNKNOWN, Host
from ...inputs import argument
from ...interface import CpuInfo, XenopsError
from ...service.service import XenopsCpu
from ...sources import Source, SourceError
from ...sources.fresh import Fresh
from .. import (
    ANSWERED_WITH_AN_ERROR,
    OK,
    WRONG_USAGE,
    Failure,
    command_line,
    options,
    sockets,
    terminal,
)
from .. import arguments as arguments_

if TYPE_CHECKING:
    from ...interface import HostStat, QueryResult, Service

_EXAMPLES = """  xenops-cpu info                            # the service here, else this machine
  xenops-cpu info example:epyc-xen-4.17      # a host captured from a real Xen
  xenops-cpu info host-7.json                # one captured with 'xenops-cpu capture', or a bugtool
  xenops-cpu info --cpu "Xeon Gold 6240" --xen 4.13
  xenops-cpu info --json | jq .guests.hvm.boot.features
  xenops-cpu info --xapi                          # what xapi stores in Host.cpu_info

exit codes: 0 done, 1 the service answers with an error, 2 wrong use, 3 not readable
"""

_INDENT = 15
_ONE_ANSWER_SECONDS = 60  # longer than it takes to print one: the source is read once


class _Guest(NamedTuple):
    """What one guest type sees; boot is within migration."""

    title: str
    boot: Featureset
    migration: Featureset


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "info",
        "What guests get on a host at boot and what they may bring in a migration. Without HOST it "
        "is this one: the service is asked where one is listening, unless an option names a source "
        "to read here and now.",
        _EXAMPLES,
    )
    command.add_argument("host", nargs="?", metavar="HOST", help=argument.WHAT)
    command.add_argument(
        "--socket", type=command_line.path, metavar="PATH", help="ask the service that listens here"
    )
    options.add_source(command)
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for programs (docs/json.md)")
    form.add_argument(
        "--xapi",
        nargs="?",
        const="today",
        choices=("today", "before-2025"),
        help="xapi's Host.cpu_info: a map of strings; before 2025 xapi had no nr_nodes",
    )
    return command


def run(arguments: argparse.Namespace) -> int:
    form = arguments.xapi or ("json" if arguments.json else "text")
    path = arguments.socket
    if arguments.host is not None:
        if path is not None or options.names_a_source(arguments):
            raise Failure(
                f"{argument.shown(arguments.host)} is a host already: no --socket, --source, "
                "--cpu, --xen, ...",
                WRONG_USAGE,
            )
        return show(_AsRead(arguments.host, arguments_.one_host(arguments.host).host), form)
    if path is None and not options.names_a_source(arguments):
        path = sockets.to_ask()
    if path is None:
        return show(options.source(arguments), form)
    from ...transports import client  # with HTTP and TLS

    try:
        _show(client.connect(path), form)
    except client.ConnectionFailed as error:
        raise Failure(str(error)) from error
    return OK


class _AsRead(NamedTuple):
    """A host that an argument came to, in a source's place."""

    name: str
    host: Host

    def read(self) -> Host:
        return self.host


def show(source: Source, form: str) -> int:
    """Print what a source says, as text, json, today or before-2025 (xapi's map). Failure."""
    once = Fresh(source, _ONE_ANSWER_SECONDS)
    try:
        once.read()
    except SourceError as error:
        raise Failure(str(error)) from error
    _show(XenopsCpu(once), form)
    return OK


def _show(service: Service | interface.Client, form: str) -> None:
    try:
        query, stat = service.query("xenops-cpu info"), service.host_stat("xenops-cpu info")
    except XenopsError as error:
        raise Failure(str(error), ANSWERED_WITH_AN_ERROR) from error
    match form:
        case "today" | "before-2025":
            terminal.print_json(xapi_map(stat.cpu_info, form == "before-2025"))
        case "json":
            terminal.print_json(_document(query, stat))
        case _:
            print("\n".join(_report(query, stat, terminal.width())))


def _release(stat: HostStat) -> Release:
    length = Featureset.parse(stat.cpu_info.features).length
    return fit(stat.hypervisor.version, length).release


def _guests(info: CpuInfo) -> dict[str, _Guest]:
    return {
        "pv": _Guest(
            "PV guests",
            Featureset.parse(info.features_pv_host),
            Featureset.parse(info.features_pv),
        ),
        "hvm": _Guest(
            "HVM and PVH guests",
            Featureset.parse(info.features_hvm_host),
            Featureset.parse(info.features_hvm),
        ),
    }


def _facts(query: QueryResult, kind: str) -> list[str]:
    return [fact.removeprefix(kind) for fact in query.features if fact.startswith(kind)]


def _document(query: QueryResult, stat: HostStat) -> dict[str, Any]:
    release = _release(stat)

    def described(featureset: Featureset) -> dict[str, Any]:
        return {"featureset": str(featureset), "features": release.names(featureset)}

    return {
        "origin": "".join(_facts(query, "origin: ")),
        "microcode": "".join(_facts(query, "microcode: ")),
        "notes": _facts(query, "note: "),
        "release": release.name,
        "hypervisor": attrs.asdict(stat.hypervisor),
        "chipset": attrs.asdict(stat.chipset_info),
        "cpu": {
            field.name: getattr(stat.cpu_info, field.name)
            for field in attrs.fields(CpuInfo)
            if not field.name.startswith("features")
        },
        "host": described(Featureset.parse(stat.cpu_info.features)),
        "guests": {
            kind: {
                "boot": described(guest.boot),
                "migration": described(guest.migration),
                "only_in_migration": [
                    {
                        "feature": release.label(number),
                        "why": meanings.why_only_in_migration(release, number),
                    }
                    for number in guest.migration - guest.boot
                ],
            }
            for kind, guest in _guests(stat.cpu_info).items()
        },
    }


def _report(query: QueryResult, stat: HostStat, width: int) -> Iterator[str]:
    info, release = stat.cpu_info, _release(stat)
    notes = _facts(query, "note: ")
    if UNKNOWN in (info.modelname, info.vendor):
        yield "which CPU it is, is not told"
    else:
        yield (
            f"{info.modelname} ({info.vendor}, family {info.family}, model {info.model}, "
            f"stepping {info.stepping}, {info.speed} MHz)"
        )
    if info.cpu_count:  # 0: nobody counted, and a note says so
        yield ", ".join(
            _count(number, noun) + suffix
            for number, noun, suffix in (
                (info.cpu_count, "CPU", ""),
                (info.socket_count, "socket", ""),
                (info.threads_per_core, "thread", " a core"),
                (info.nr_nodes, "NUMA node", ""),
            )
            if number
        )
    chipset, sets_known = stat.chipset_info, NO_SETS not in notes
    hvm = ("yes" if chipset.hvm else "no") if sets_known else "not told"
    iommu = "not told" if NO_IOMMU in notes else "yes" if chipset.iommu else "no"
    version = stat.hypervisor.version
    yield f"Xen {'not told' if version == UNKNOWN else version}, HVM: {hvm}, IOMMU: {iommu}"
    yield from textwrap.wrap("from " + "".join(_facts(query, "origin: ")), width)
    for revision in _facts(query, "microcode: "):
        yield from textwrap.wrap(f"microcode {revision}", width, subsequent_indent="  ")
    for note in notes:
        yield from textwrap.wrap(f"note: {note}", width, subsequent_indent="      ")
    if not sets_known:
        return
    for guest in _guests(info).values():
        yield ""
        yield from _guest(guest, release, width)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _guest(guest: _Guest, release: Release, width: int) -> Iterator[str]:
    yield guest.title
    if not guest.boot and not guest.migration:
        yield "  none: this host does not offer them"
        return
    more = guest.migration - guest.boot
    yield f"  at boot      {guest.boot.text(':')}"
    yield from _wrapped(
        f"{_count(len(guest.boot), 'feature')}: {_names(release, guest.boot)}", width
    )
    yield f"  in migration {guest.migration.text(':')}"
    if not more:
        yield from _wrapped("the same: a guest may arrive with what it would get at boot", width)
        return
    yield from _wrapped(f"the same and {len(more)} more: {_names(release, more)}", width)
    yield ""
    yield "  Taken in with a migrating guest, but not given at boot:"
    for sentence, names in meanings.grouped(release, more).items():
        yield from textwrap.wrap(
            f"{' '.join(names)}: {sentence}",
            width,
            initial_indent=" " * 4,
            subsequent_indent=" " * 6,
            break_long_words=False,
        )


def _names(release: Release, featureset: Featureset) -> str:
    return " ".join(release.names(featureset))


def _wrapped(text: str, width: int) -> list[str]:
    indent = " " * _INDENT
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent)
