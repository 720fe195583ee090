"""xenops-cpu history: what this host was before, when it changed, and the likely cause."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import asdict

from ...history.entry import StoreError
from ...interface import HostChange, HostHistory, XenopsError
from ...service.service import LONGEST_WAIT_SECONDS
from ...transports import client
from .. import (
    ANSWERED_WITH_AN_ERROR,
    OK,
    WRONG_USAGE,
    Failure,
    command_line,
    sockets,
    terminal,
)

STORE = Path("/var/lib/xenops-cpu/history.sqlite")

_EXAMPLES = f"""  xenops-cpu history                          # as the service here keeps it
  xenops-cpu history --store {STORE}
  xenops-cpu history --follow                 # and each change as it is noticed, until ^C
  xenops-cpu history --json | jq -r '.[] | select(.causes[] | test("microcode")).first_seen'
  xenops-cpu history --host 3 >before.json    # the whole host as entry 3 has it, a capture
  xenops-cpu diff before.json xen             # what guests lose or gain against then

exit codes: 0 done, 1 the service answers with an error, 2 wrong use, 3 not readable
"""

Ask = Callable[[int, int], HostHistory]


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "history",
        "What this host was: each distinct fingerprint (featuresets, policies, Xen, command line, "
        "microcode, firmware) with its time, what changed by name, and the likely cause.",
        _EXAMPLES,
    )
    where = command.add_mutually_exclusive_group()
    where.add_argument("--socket", type=Path, metavar="PATH", help="ask the service there")
    where.add_argument(
        "--store",
        type=Path,
        metavar="FILE",
        help=f"read the file in which a service keeps it ({STORE} where no service answers)",
    )
    command.add_argument(
        "--last", type=int, default=0, metavar="ID", help="only entries after this"
    )
    command.add_argument(
        "--json", action="store_true", help="a list; with --follow a line for each"
    )
    form = command.add_mutually_exclusive_group()
    form.add_argument(
        "--follow", action="store_true", help="wait for changes and print each as it is noticed"
    )
    form.add_argument(
        "--host",
        type=int,
        metavar="ID",
        help="print the host of that entry as a capture (docs/captures.md), out of the file",
    )
    return command


def run(arguments: argparse.Namespace) -> int:
    path = arguments.socket or (None if arguments.store else sockets.to_ask())
    try:
        if arguments.host is not None:
            return _print_host(arguments.store or STORE, arguments.host)
        if path is None and arguments.follow:
            raise Failure("--follow needs a running service: --socket PATH", WRONG_USAGE)
        ask = _from_store(arguments.store or STORE) if path is None else _from_service(path)
        history = ask(arguments.last, 0)
        _show(history.entries, arguments.json, arguments.follow)
        while arguments.follow:
            history = ask(history.last, LONGEST_WAIT_SECONDS)
            _show(history.entries, arguments.json, arguments.follow)
    except client.ConnectionFailed as error:
        raise Failure(str(error)) from error
    except XenopsError as error:
        raise Failure(str(error), ANSWERED_WITH_AN_ERROR) from error
    except StoreError as error:
        raise Failure(str(error)) from error
    return OK


def _from_service(path: Path) -> Ask:
    service = client.connect(path, timeout=LONGEST_WAIT_SECONDS + client.TIMEOUT_SECONDS)
    return lambda last, seconds: service.host_get_cpu_info_history("xenops-cpu", last, seconds)


def _from_store(path: Path) -> Ask:
    from ...history import store
    from ...service.history import change_of

    if not path.exists():
        raise Failure(f"no service keeps a history here, and there is no file {path}")

    def ask(last: int, _: int) -> HostHistory:
        entries = store.entries(path)
        newest = entries[-1].id if entries else 0
        return HostHistory([change_of(entry) for entry in entries if entry.id > last], newest)

    return ask


def _print_host(path: Path, number: int) -> int:
    from ...history import store
    from ...hosts import capture

    sys.stdout.write(capture.dump(store.host_at(path, number)))
    return OK


def _show(entries: Sequence[HostChange], as_json: bool, follow: bool) -> None:
    if as_json and not follow:
        terminal.print_json([asdict(entry) for entry in entries])
    elif as_json:
        for entry in entries:
            terminal.print_json(asdict(entry), indent=None)
    else:
        for entry in entries:
            _tell(entry)
        if not entries and not follow:
            print("no entries")
    sys.stdout.flush()


def _tell(entry: HostChange) -> None:
    known = [f"Xen {entry.xen}"]
    known += [f"microcode {entry.microcode}"] if entry.microcode else []
    known += [f"firmware {entry.bios}"] if entry.bios else []
    terminal.heading(f"{entry.id}  {entry.first_seen}  {', '.join(known)}")
    for change in entry.changes:
        terminal.paragraph(change, indent=4, hanging=2)
    for index, cause in enumerate(entry.causes):
        terminal.paragraph(
            f"{'likely cause' if index == 0 else 'or'}: {cause}", indent=4, hanging=2
        )
    if not entry.changes:
        terminal.paragraph(f"the first that was kept of {entry.source}", indent=4)
    terminal.paragraph(f"seen last {entry.last_seen}", indent=4)
