"""xenops-cpu emit: configuration text that gives a guest a level, for xl, libvirt or xapi."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ...interface import GuestType
from ...pools import emit
from ...pools.emit import EmitError
from ...pools.level import level_of
from ...pools.member import Member
from .. import (
    ANSWERED_WITH_AN_ERROR,
    OK,
    WRONG_USAGE,
    Failure,
    command_line,
    pool_arguments,
    terminal,
)
from ..arguments import failing
from ..arguments import release as asked_release
from ..command_line import Parts
from ..words import pool as words

_EXAMPLES = """  xenops-cpu emit xl cpu:xeon-gold-6154@4.19 cpu:core-i7-4930k@4.19 >> guest.cfg
  xenops-cpu emit libvirt host-7.json host-8.json
  xenops-cpu emit xl --for host-7.json level=1fc9cbf5-f6f83203-…   # a level of elsewhere
  xenops-cpu emit xapi --vm 91b8ff6c-… host-7.json host-8.json | sh
"""
_EXIT_CODES = """
exit codes:
  0  the text gives a guest the level; comments in it say what no text can give
  1  it does not give all of it, which is said, or there is no such text
  2  wrong use      3  something cannot be read
"""


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "emit",
        "Configuration text that gives a guest the level of these hosts (of a featureset: itself). "
        "For xl and libvirt it is the difference from what a host gives: that of --for, else "
        "one that fits each of these hosts. The text goes to standard output.",
        _EXAMPLES + _EXIT_CODES,
    )
    command.takes_files = True
    parts = Parts(command, "form", _EXAMPLES)
    for name, text in (
        ("xl", "a line of a guest's file for xl"),
        ("libvirt", "the cpu element of a domain's XML"),
        ("xapi", "the xe command that gives a VM the level"),
    ):
        part = parts.add(name, text, exit_codes=_EXIT_CODES)
        part.add_argument("hosts", metavar="HOST", nargs="+", help=pool_arguments.HOST_HELP)
        part.add_argument(
            "--for", dest="base", metavar="HOST", help="the host that the guest will start on"
        )
        part.set_defaults(vm="UUID")
        if name == "xapi":
            part.add_argument(
                "--vm",
                metavar="UUID",
                default="UUID",
                help="whose level it is; a name will do where a HOST's file has the VM",
            )
        pool_arguments.add_options(part)
    return command


def run(arguments: argparse.Namespace) -> int:
    hosts = pool_arguments.members(arguments.hosts, arguments)
    bases = pool_arguments.members([arguments.base], arguments) if arguments.base else hosts
    guest = _guest(hosts, arguments)
    xen = asked_release(arguments)
    level = level_of(hosts, guest, xen)
    if not level.hosts:
        raise Failure(f"none of the hosts runs {guest.name} guests, so there is no level")
    offering = [host for host in bases if guest in host.offers]
    if not offering:
        raise Failure(f"{bases[0].name} runs no {guest.name} guests", WRONG_USAGE)
    release = xen or (level.release if bases is hosts else offering[0].release)
    try:
        emitted = emit.emitted(
            arguments.form, offering, guest, level.featureset, release, _uuid(arguments)
        )
    except EmitError as error:
        raise Failure(str(error), ANSWERED_WITH_AN_ERROR) from error
    code = ANSWERED_WITH_AN_ERROR if emitted.short else OK
    if not arguments.json:
        print(emitted.text, end="")
        for short in emitted.short:
            print(f"xenops-cpu emit: warning: {short}", file=sys.stderr)
        return code
    terminal.print_json(
        {
            "form": arguments.form,
            "text": emitted.text,
            "guest_type": guest.name.lower(),
            "release": release.name,
            "level": words.featureset_json(level.featureset, release),
            "off": release.names(emitted.difference.off),
            "on": release.names(emitted.difference.on),
            "short": [
                {
                    "hosts": list(short.hosts),
                    "more": short.more,
                    "features": list(short.features),
                    "why": short.why,
                }
                for short in emitted.short
            ],
            "notes": list(emitted.notes),
        }
    )
    return code


def _uuid(arguments: argparse.Namespace) -> str:
    """Of the VM that --vm names, where a file that was given for its hosts has it alone."""
    if arguments.form != "xapi":
        return str(arguments.vm)
    with failing():
        vms = pool_arguments.reader(arguments).all_vms([], arguments.hosts)
    named = [vm.uuid for vm in vms if vm.name == arguments.vm and vm.uuid]
    return named[0] if len(named) == 1 else str(arguments.vm)


def _guest(hosts: Sequence[Member], arguments: argparse.Namespace) -> GuestType:
    """One text is for one guest type: HVM where any host runs such guests."""
    guest_type = pool_arguments.wanted_type(arguments)
    guests = pool_arguments.guest_types(hosts, guest_type)
    return guests[0] if guests else GuestType.HVM
