"""What an audit found, handed on: a JSON line each, to a hook, as messages in the pool."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from ..errors import InputError
from ..pools.audit import Finding, VmFinding
from . import ANSWERED_WITH_AN_ERROR, WRONG_USAGE, Failure, hooks, live, terminal


@frozen
class Subject:
    """Whose record it is, as xapi knows it: `kind` host or pool."""

    kind: str
    uuid: str


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lines", action="store_true", help="a JSON line for each finding")
    parser.add_argument(
        "--hook", metavar="COMMAND", help=f"run this for each finding, {hooks.HELP}"
    )
    parser.add_argument(
        "--raise-messages",
        action="store_true",
        help="raise messages in the live pool that is named; needs the role pool-operator",
    )


def lines(
    findings: Sequence[Finding], vms: Sequence[VmFinding], subjects: Mapping[str, Subject]
) -> Iterator[dict[str, Any]]:
    """A document for each finding. `subjects`: by the name of the record."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    for finding in findings:
        subject = subjects.get(finding.record, Subject("host", ""))
        yield {
            "time": now,
            "object": subject.kind,
            "uuid": subject.uuid,
            "name": finding.record,
            "text": str(finding),
            "key": finding.key,
            "stored": finding.stored,
            "expected": finding.expected,
            "lost": list(finding.lost),
            "gained": list(finding.gained),
        }
    for finding_of_vm in vms:
        yield {
            "time": now,
            "object": "VM",
            "uuid": finding_of_vm.vm.uuid,
            "name": finding_of_vm.vm.name,
            "text": finding_of_vm.text,
        }


def hand_on(
    documents: Sequence[Mapping[str, Any]], arguments: argparse.Namespace, upgrading: bool
) -> None:
    """As the options say. Raises Failure."""
    hook = hooks.parse(arguments.hook)
    for document in documents:
        if arguments.lines:
            terminal.print_json(document, indent=None)
            sys.stdout.flush()
        if hook:
            hooks.run(hook, document, _say)
    if arguments.raise_messages:
        _raise(documents, arguments, upgrading)


def _raise(
    documents: Sequence[Mapping[str, Any]], arguments: argparse.Namespace, upgrading: bool
) -> None:
    """In the one live pool that is named. Not in a rolling upgrade: records come and go then."""
    from ..xapi import messages, url
    from ..xapi.errors import XapiError
    from ..xapi.options import session

    addresses = [text for text in arguments.records if url.recognises(text)]
    if len(addresses) != 1:
        raise Failure(f"--raise-messages goes with one live pool: {url.FORMS}", WRONG_USAGE)
    if upgrading:
        _say("a rolling upgrade is under way: no message is raised")
        return
    try:
        with session(addresses[0], live.options(arguments)) as opened:
            messages.assert_allowed(opened)
            for message in _messages(documents):
                if not messages.raise_once(opened, message):
                    _say(f"{message.name} for {message.obj_uuid} is in the pool already")
    except InputError as error:
        raise Failure(str(error), WRONG_USAGE) from error
    except XapiError as error:
        raise Failure(str(error), ANSWERED_WITH_AN_ERROR) from error


def _messages(documents: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    from ..xapi import messages

    wrong: dict[tuple[str, str], list[tuple[str, Sequence[str], Sequence[str]]]] = {}
    for document in documents:
        if document["object"] == "VM":
            if document["uuid"]:
                yield messages.of_vm(document["uuid"], document["text"])
        elif document["uuid"] and (document["lost"] or document["gained"]):
            sets = (document["key"], document["lost"], document["gained"])
            wrong.setdefault((document["object"], document["uuid"]), []).append(sets)
    for (kind, uuid), sets_of in wrong.items():
        yield from messages.of_audit(kind, uuid, sets_of)


def _say(text: str) -> None:
    print(f"xenops-cpu audit: {text}", file=sys.stderr)
