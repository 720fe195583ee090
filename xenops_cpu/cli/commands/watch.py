"""xenops-cpu watch: a live pool's CPU features, told by name as they change."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from ...errors import InputError
from ...xapi import events, messages, url
from ...xapi.changes import FeatureChange, Picture
from ...xapi.errors import ApiFailure, XapiError
from ...xapi.options import session
from ...xapi.session import Session
from .. import (
    ANSWERED_WITH_AN_ERROR,
    OK,
    WRONG_USAGE,
    Failure,
    command_line,
    hooks,
    live,
    terminal,
)

_EXAMPLES = f"""  xenops-cpu watch xapi://reader@xs-01          # the role read-only suffices
  xenops-cpu watch {url.SOCKET}            # in dom0: no password
  xenops-cpu watch xapi://reader@xs-01 --json | jq -r .name
  xenops-cpu watch xapi://reader@xs-01 --hook "/usr/local/bin/tell-us --channel ops"
  xenops-cpu watch xapi://operator@xs-01 --raise-messages --password-file ~/.xapi-password

A change is told when xapi has it: of a host and of the pool when a host's toolstack has started
after an update, of a VM when it has started anew. A hook gets the JSON line on its standard input.
Messages are the four that xapi itself raised until 2023, with the features by name; they are kept
back during a rolling upgrade.

exit codes:
  0  ended by SIGINT or SIGTERM, and logged out
  1  xapi answers with an error (a wrong password, a role that does not allow messages)
  2  wrong use
  3  nobody answers, or with another certificate, or with something that is not xapi
"""


def parser() -> argparse.ArgumentParser:
    parser = command_line.parser(
        "watch",
        "Tell which CPU features hosts, the pool and VMs lose and gain, as it happens, until "
        "SIGINT or SIGTERM. A xapi that is away is waited for.",
        _EXAMPLES,
    )
    parser.add_argument("xapi", metavar="XAPI", help=url.FORMS)
    parser.add_argument("--json", action="store_true", help="a JSON line for each change")
    parser.add_argument(
        "--hook",
        metavar="COMMAND",
        help=f"run this for each change, {hooks.HELP}",
    )
    parser.add_argument(
        "--raise-messages",
        action="store_true",
        help=f"raise messages in the pool; needs the role {messages.ROLE}",
    )
    live.add_options(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    hook = hooks.parse(arguments.hook)
    try:
        opened = session(arguments.xapi, live.options(arguments))
        with _ended_by_sigterm(), opened, contextlib.suppress(KeyboardInterrupt):
            _watch(opened, hook, arguments.json, arguments.raise_messages)
    except InputError as error:
        raise Failure(str(error), WRONG_USAGE) from error
    except (ApiFailure, messages.RoleError) as error:
        raise Failure(str(error), ANSWERED_WITH_AN_ERROR) from error
    except XapiError as error:
        raise Failure(str(error)) from error
    return OK


def _watch(opened: Session, hook: list[str], as_json: bool, raising: bool) -> None:
    picture = Picture()
    if raising:
        messages.assert_allowed(opened)
    for batch in events.follow(opened, waiting=_say_who_is_away):
        first = not picture.hosts
        upgrading = picture.upgrading
        for change in picture.update(batch):
            document = _document(change, picture.upgrading)
            if as_json:
                terminal.print_json(document, indent=None)
                sys.stdout.flush()
            else:
                _tell(change)
            if hook:
                hooks.run(hook, document, _say)
            if raising and not picture.upgrading:
                _raise(opened, change)
        if first:
            _say(
                f"watching pool {_shown(picture)} at {opened.coordinator}: "
                f"{len(picture.hosts)} hosts, {picture.awake} VMs"
                + (", in a rolling upgrade" if picture.upgrading else "")
            )
        elif upgrading != picture.upgrading:
            _say(f"rolling upgrade {'under way' if picture.upgrading else 'ended'}")


def _raise(opened: Session, change: FeatureChange) -> None:
    for message in messages.of_change(change):
        if not messages.raise_once(opened, message):
            _say(f"{message.name} for {change.name} is in the pool already: not raised again")


def _tell(change: FeatureChange) -> None:
    if change.xen.note:
        _say(f"{change.kind} {_printable(change.name)}: {change.xen.note}")
    for item in change.sets:
        parts = []
        if item.lost:
            parts.append(f"lost {' '.join(item.lost)}")
        if item.gained:
            parts.append(f"gained {' '.join(item.gained)}")
        terminal.line(
            f"{_now()} {change.kind} {_printable(change.name)}, {item.title}: {'; '.join(parts)}",
            "red" if item.lost else "green",
        )
    sys.stdout.flush()


def _document(change: FeatureChange, upgrading: bool) -> dict[str, Any]:
    return {
        "time": _now(),
        "object": change.kind,
        "uuid": change.uuid,
        "name": change.name,
        "xen": change.xen.release.name,
        "assumed": change.xen.note,
        "rolling_upgrade": upgrading,
        "sets": [
            {
                "set": item.key,
                "title": item.title,
                "lost": list(item.lost),
                "gained": list(item.gained),
                "old": str(item.old),
                "new": str(item.new),
            }
            for item in change.sets
        ],
    }


def _say(text: str) -> None:
    """What is no change goes to standard error."""
    print(f"{_now()} {text}", file=sys.stderr, flush=True)


def _say_who_is_away(error: Exception, seconds: float) -> None:
    _say(f"{error}; the next try is in {seconds:g} s")


def _now() -> str:
    """The local time with its zone, as ISO 8601 has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _shown(picture: Picture) -> str:
    return _printable(picture.pool.name) if picture.pool is not None else "without a record"


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:200])


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the work as SIGINT does, so that the session is logged out."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
