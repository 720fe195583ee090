"""xenops-cpu read: what files tell of hosts and VMs, and captures out of them."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from ...features.featureset import Featureset
from ...features.release import Release, ReleaseError, release_name
from ...hosts import capture
from ...hosts.host import SETS, UNKNOWN, Host
from ...inputs import Input, InputError, read
from ...pools.vm import Vm
from .. import CANNOT_BE_READ, OK, WRONG_USAGE, Failure, options, terminal
from ..output_files import create_file

_EXAMPLES = """  xenops-cpu read bug-report-20260101093000.tar.bz2         # every host and VM in it
  xenops-cpu read bug-report-20260101093000.tar.bz2 --to D  # a capture of each host in folder D
  xenops-cpu read xen-cpuid-p.out suspended.img --json
  xenops-cpu read dump-of-a-cpu.txt --xen 4.19           # as Xen 4.19 would offer on it
"""


def parser() -> argparse.ArgumentParser:
    made = options.parser(
        "read",
        "What files tell of hosts and VMs: bug reports, what xen-cpuid, xe, xl and cpuid print, "
        "dumps of CPUs, captures, suspend images (docs/reading.md lists them).",
        _EXAMPLES,
    )
    made.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a file or a folder")
    made.add_argument("--to", metavar="DIR", type=Path, help="write a capture of each host there")
    made.add_argument(
        "--xen", metavar="RELEASE", help="to simulate dumps of CPUs under (default: 4.17)"
    )
    made.add_argument("--json", action="store_true", help="for programs (docs/reading.md)")
    return made


def run(arguments: argparse.Namespace) -> int:
    if arguments.xen is not None:
        try:
            release_name(arguments.xen)
        except ReleaseError as error:
            raise Failure(f"--xen: {error}", WRONG_USAGE) from error
    if arguments.to is not None and arguments.to.exists() and not arguments.to.is_dir():
        raise Failure(f"--to: {arguments.to} is not a folder", WRONG_USAGE)
    code, documents = OK, []
    for path in arguments.files:
        try:
            found = read(path, arguments.xen)
        except InputError as error:
            documents.append({"file": str(path), "error": str(error)})
            code = _say(str(error))
            continue
        if arguments.json:
            documents.append(_document(path, found))
        else:
            print("\n".join(_report(path, found, terminal.width())))
        if found.damage:
            code = _say(found.damage)
        if arguments.to is not None:
            _write(found, arguments.to)
    if arguments.json:
        terminal.print_json(documents)
    return code


def _say(message: str) -> int:
    print(f"xenops-cpu read: {message}", file=sys.stderr)
    return CANNOT_BE_READ


def _write(found: Input, folder: Path) -> None:
    """A capture of each host. A name from a file is only ever part of a name in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in found.hosts:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", each.name).lstrip(".")[:100] or "host"
        path = folder / f"{plain.removesuffix('.json')}.json"
        create_file(path, capture.dump(each.host))
        print(f"wrote {path}", file=sys.stderr)


def _sets(host: Host) -> dict[str, Featureset]:
    """Those that were told."""
    sets = {name: host.featuresets.named(name) for name in SETS}
    return {name: known for name, known in sets.items() if known is not None and known.length}


def _document(path: Path, found: Input) -> dict[str, Any]:
    return {
        "file": str(path),
        "kind": found.kind,
        "hosts": [
            {
                "name": each.name,
                "uuid": each.host.uuid,
                "origin": each.host.origin,
                "xen": each.host.xen.version,
                "release": each.host.release.name,
                "processor": attrs.asdict(each.host.processor),
                "featuresets": {key: str(known) for key, known in _sets(each.host).items()},
                "policies": list(each.host.policies),
                "notes": list(each.host.notes),
            }
            for each in found.hosts
        ],
        "vms": [
            {
                "name": vm.name,
                "uuid": vm.uuid,
                "domain_type": vm.guest.name.lower() if vm.typed else "unknown",
                "halted": vm.halted,
                "vendor": vm.vendor,
                "featureset": None if vm.features is None else str(vm.features),
                "policy": None if vm.policy is None else str(vm.policy),
                "source": vm.source,
                "notes": list(vm.notes),
            }
            for vm in found.vms
        ],
        "left_out": dict(found.left_out),
        "stored": [attrs.asdict(record) for record in found.stored],
        "featureset": None if found.featureset is None else str(found.featureset),
        "policy": None if found.policy is None else str(found.policy),
        "notes": list(found.notes),
        "damage": found.damage,
    }


def _report(path: Path, found: Input, width: int) -> Iterator[str]:
    yield f"{path}: {_what(found)}"
    for each in found.hosts:
        yield from _host(each.name, each.host, width)
    for vm in found.vms:
        yield from _vm(vm, width)
    if found.left_out:
        counted = (f"{number} {kind}{'' if number == 1 else 's'}"
                   for kind, number in found.left_out.items())  # fmt: skip
        yield from _wrapped(f"left out, as no VMs: {', '.join(counted)}", width)
    if found.kind == "featureset" and found.featureset is not None:
        yield f"  {found.featureset.text(':')}"
        yield f"  {len(found.featureset)} features; 'xenops-cpu decode' names them"
    if found.kind == "policy" and found.policy is not None:
        yield f"  {len(found.policy.leaves)} CPUID leaves, {len(found.policy.msrs)} MSRs"
    for note in found.notes:
        yield from _wrapped(f"note: {note}", width)


def _what(found: Input) -> str:
    if found.kind == "suspend-image":
        return "a suspend image"
    counted = [(len(found.hosts), "host"), (len(found.vms), "VM")]
    words = [f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in counted if number]
    return " and ".join(words) or ("a CPU policy" if found.kind == "policy" else "a featureset")


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


def _vm(vm: Vm, width: int) -> Iterator[str]:
    kind = vm.guest.name if vm.typed else "PV or HVM: not told"
    about = [kind, *([vm.vendor] if vm.vendor else []), *(["shut down"] if vm.halted else [])]
    yield f"  VM {vm.name} ({', '.join(about)})"
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
