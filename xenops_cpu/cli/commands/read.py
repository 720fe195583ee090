"""xenops-cpu read: what files tell of hosts and VMs, and captures out of them."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from ...features.featureset import Featureset
from ...features.fit import by_length
from ...features.release import Release
from ...hosts import capture
from ...hosts.host import SETS, UNKNOWN, Host
from ...inputs import Input, argument, together
from ...inputs.log_words import sentence, to_ask
from ...inputs.xapi_log import Event
from ...pools.vm import Vm
from .. import (
    CANNOT_BE_READ,
    OK,
    WRONG_USAGE,
    Failure,
    arguments,
    command_line,
    live,
    terminal,
)
from ..output_files import create_file

_EXAMPLES = """  xenops-cpu read bug-report-20260101093000.tar.bz2         # every host and VM in it
  xenops-cpu read bug-report-20260101093000.tar.bz2 --to D  # a capture of each host in folder D
  xenops-cpu read xen-cpuid-p.out suspended.img --json
  xenops-cpu read dump-of-a-cpu.txt --xen 4.19           # as Xen 4.19 would offer on it
  xenops-cpu read report-1.tar.bz2 report-2.tar.bz2 --together   # two reports of one pool
  xenops-cpu read xapi://reader@xs-01                    # a pool that runs (docs/live-pool.md)
  grep cpuid /var/log/xensource.log | xenops-cpu read -  # what xapi's log says, by name
"""


# What is read although it is no file.
_NAMES = ("cpu:", "simulated")


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "read",
        "What files tell of hosts and VMs: bug reports, what xen-cpuid, xe, xl and cpuid print, "
        "dumps of CPUs, captures, suspend images (docs/reading.md lists them).",
        _EXAMPLES,
    )
    command.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="a file or a folder, - for standard input, FILE#NAME for one host or VM of many, "
        "xapi://USER@HOST for a live pool",
    )
    command.add_argument(
        "--together",
        action="store_true",
        help="all files as one: hosts and VMs that are the same (by UUID) are told once",
    )
    command.add_argument(
        "--to", metavar="FOLDER", type=Path, help="write a capture of each host there"
    )
    command.add_argument(
        "--xen", metavar="RELEASE", help="to simulate dumps of CPUs under (default: 4.17)"
    )
    command.add_argument("--json", action="store_true", help="for programs (docs/reading.md)")
    live.add_options(command)
    return command


def run(parsed: argparse.Namespace) -> int:
    if parsed.to is not None and parsed.to.exists() and not parsed.to.is_dir():
        raise Failure(f"--to: {parsed.to} is not a folder", WRONG_USAGE)
    xen = arguments.release(parsed)
    code = OK
    documents: list[dict[str, Any]] = []
    read: list[Input] = []
    for text in parsed.files:
        try:
            source = _file(text, xen)
        except Failure as failure:
            documents.append({"file": text, "error": str(failure)})
            code = _say(str(failure))
            continue
        read.append(source)
        if not parsed.together:
            documents += _tell(text, source, parsed.json)
        if source.damage:
            code = _say(source.damage)
    if read:
        whole = together.together(read)
        if parsed.together:
            documents += _tell(", ".join(parsed.files), whole, parsed.json)
        elif not parsed.json:
            _tell_what_is_common(read, whole)
        if parsed.to is not None:
            _write(whole, parsed.to)
    if parsed.json:
        terminal.print_json(documents)
    return code


def _file(text: str, xen: Release | None) -> Input:
    """What an argument has. A text that is no file is none, whatever else it may read as."""
    path, _ = argument.split_choice(text)
    if not argument.has_many(path) and not path.startswith(_NAMES):
        raise Failure(f"cannot read {text}: there is no such file")
    return arguments.read(text, xen, tell_damage=False)


def _tell(text: str, source: Input, as_json: bool) -> list[dict[str, Any]]:
    """The document, or nothing where it was told in words."""
    if as_json:
        return [_document(text, source)]
    print("\n".join(_report(text, source, terminal.width())))
    return []


def _tell_what_is_common(read: Sequence[Input], whole: Input) -> None:
    """That several files are of one pool, which changes how they are best read."""
    for noun, once, count in (
        ("hosts", len(whole.hosts), sum(len(each.hosts) for each in read)),
        ("VMs", len(whole.vms), sum(len(each.vms) for each in read)),
    ):
        if once < count:
            terminal.paragraph(
                f"{count - once} of these {noun} are others of them, by UUID: --together reads the "
                "files as one pool"
            )
            return


def _say(message: str) -> int:
    print(f"xenops-cpu read: {message}", file=sys.stderr)
    return CANNOT_BE_READ


def _write(source: Input, folder: Path) -> None:
    """A capture of each host. A name from a file is only ever part of a name in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in source.hosts:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", each.name).lstrip(".")[:100] or "host"
        path = folder / f"{plain.removesuffix('.json')}.json"
        create_file(path, capture.dump(each.host))
        print(f"wrote {path}", file=sys.stderr)


def _sets(host: Host) -> dict[str, Featureset]:
    """Those that were told."""
    sets = {name: host.featuresets.named(name) for name in SETS}
    return {name: known for name, known in sets.items() if known is not None and known.length}


def _document(path: str, source: Input) -> dict[str, Any]:
    return {
        "file": path,
        "kind": source.kind,
        "hosts": [
            {
                "name": each.name,
                "uuid": each.host.uuid,
                "origin": each.host.origin,
                "read": each.host.moment.time,
                "xen": each.host.xen.version,
                "release": each.host.release.name,
                "processor": attrs.asdict(each.host.processor),
                "microcode": _hex(each.host.microcode),
                "membership": _membership(each.host),
                "featuresets": {key: str(known) for key, known in _sets(each.host).items()},
                "policies": list(each.host.policies),
                "notes": list(each.host.notes),
            }
            for each in source.hosts
        ],
        "vms": [
            {
                "name": vm.name,
                "uuid": vm.uuid,
                "domain_type": vm.guest.name.lower() if vm.typed else "unknown",
                "runs_as": vm.runs_as,
                "halted": vm.halted,
                "suspended": vm.suspended,
                "home": vm.home,
                "immobile": vm.immobile,
                "own_featureset": None if vm.own is None else str(vm.own),
                "vendor": vm.vendor,
                "featureset": None if vm.features is None else str(vm.features),
                "policy": None if vm.policy is None else str(vm.policy),
                "source": vm.source,
                "notes": list(vm.notes),
            }
            for vm in source.vms
        ],
        "left_out": dict(source.left_out),
        "events": [_event_json(event, source) for event in source.events],
        "stored": [record._asdict() for record in source.stored],
        "featureset": None if source.featureset is None else str(source.featureset),
        "policy": None if source.policy is None else str(source.policy),
        "notes": list(source.notes),
        "damage": source.damage,
    }


def _hex(revision: int | None) -> str | None:
    return None if revision is None else f"0x{revision:08x}"


def _membership(host: Host) -> dict[str, Any] | None:
    membership = host.membership
    return attrs.asdict(membership) if membership else None


def _event_json(event: Event, source: Input) -> dict[str, Any]:
    sets = {"old": event.old, "new": event.new}
    return {
        "time": event.time,
        "kind": event.kind,
        "vm": event.vm,
        "host": event.host,
        "text": sentence(event, source.names, _release(event, source)),
        "missing": (_release(event, source) or by_length(event.missing.length).release).names(
            event.missing
        ),
        "count": event.count,
        **{key: None if known is None else str(known) for key, known in sets.items()},
    }


def _release(event: Event, source: Input) -> Release | None:
    """Whose names an event's features have: those of the host it is about."""
    for each in source.hosts:
        if event.host and event.host in (each.host.uuid, each.name):
            return each.host.release
    return None


def _report(path: str, source: Input, width: int) -> Iterator[str]:
    yield f"{path}: {_contents(source)}"
    for each in source.hosts:
        yield from _host(each.name, each.host, width)
    homes = {each.host.uuid: each.name for each in source.hosts}
    for vm in source.vms:
        yield from _vm(vm, homes, width)
    if source.left_out:
        counts = (f"{number} {kind}{'' if number == 1 else 's'}"
                   for kind, number in source.left_out.items())  # fmt: skip
        yield from _wrapped(f"left out, as no VMs: {', '.join(counts)}", width)
    if source.kind == "featureset" and source.featureset is not None:
        yield f"  {source.featureset.text(':')}"
        yield f"  {len(source.featureset)} features; 'xenops-cpu decode' names them"
    if source.kind == "policy" and source.policy is not None:
        yield f"  {len(source.policy.leaves)} CPUID leaves, {len(source.policy.msrs)} MSRs"
    if source.events:
        yield "  what xapi's log says of CPU features:"
    for event in source.events:
        often = f" ({event.count} times, the last then)" if event.count > 1 else ""
        line = sentence(event, source.names, _release(event, source))
        yield from _wrapped(f"{event.time}{often} {line}".strip(), width)
    for command in to_ask(source.events, source.hosts, path):
        yield f"    for which features, and what helps: {command}"
    for note in source.notes:
        yield from _wrapped(f"note: {note}", width)


def _contents(source: Input) -> str:
    if source.kind == "suspend-image":
        return "a suspend image"
    counts = [(len(source.hosts), "host"), (len(source.vms), "VM")]
    words = [f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in counts if number]
    kinds = {"policy": "a CPU policy", "log": f"{len(source.events)} things in xapi's log"}
    return " and ".join(words) or kinds.get(source.kind, "a featureset")


def _host(name: str, host: Host, width: int) -> Iterator[str]:
    release: Release = host.release
    xen = "which Xen is not told" if host.xen.version == UNKNOWN else f"Xen {host.xen.version}"
    named = f", {release.title}" if release.xenserver else ""
    yield f"  {name}: {host.processor.modelname} ({host.processor.vendor}), {xen}{named}"
    for key, known in _sets(host).items():
        yield _row(key, known, width)
    if host.policies:
        yield f"    {'policies':<12} {' '.join(host.policies)}"
    for note in host.notes:
        yield from _wrapped(f"note: {note}", width)


def _vm(vm: Vm, homes: Mapping[str, str], width: int) -> Iterator[str]:
    kind = vm.guest.name if vm.typed else "PV or HVM: not told"
    state = "shut down" if vm.halted else "suspended" if vm.suspended else ""
    home = f"on {homes.get(vm.home, vm.home)}" if vm.home else ""
    about = filter(None, (vm.runs_as or kind, vm.vendor, state, home))
    yield f"  VM {vm.name} ({', '.join(about)})"
    if vm.bound:
        yield from _wrapped(f"cannot be migrated: {vm.immobile}", width)
    if vm.own is not None:
        yield _row("its own", vm.own, width)
    if vm.features is None:
        yield "    has seen no features yet"
    else:
        yield _row("featureset", vm.features, width)
    if vm.policy is not None:
        yield f"    {'policy':<12} {len(vm.policy.leaves)} CPUID leaves, {len(vm.policy.msrs)} MSRs"
    if vm.source:
        yield from _wrapped(f"from {vm.source}", width)


def _row(title: str, known: Featureset, width: int) -> str:
    """How many features, and as many words as fit; --json has them all."""
    room, text = width - 31, known.text(":")
    shown = text if len(text) <= room else text[: max(room // 9, 3) * 9 - 1] + "…"
    return f"    {title:<12} {len(known):>3} features  {shown}"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent="    ", subsequent_indent="      ")
