"""Tell a command of the administrator's that the host has changed."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from .entry import Entry
from .times import text_of

log = logging.getLogger(__name__)

SECONDS = 30.0
MAX_SAID = 200

# Changes come one at a time to the command, in their order.
_turn = threading.Lock()


def as_json(entry: Entry) -> dict[str, Any]:
    """An entry as people and programs get it: flat, with times as text."""
    members = attrs.asdict(entry, recurse=False)
    around = attrs.asdict(members.pop("surroundings"))
    return {
        **members,
        **around,
        "first_seen": text_of(entry.first_seen),
        "last_seen": text_of(entry.last_seen),
        "changes": list(entry.changes),
        "causes": list(entry.causes),
    }


def program(command: str, folders: Iterable[Path]) -> str:
    """The command's file: as it stands if it has a "/", else in `folders` or PATH."""
    places = os.pathsep.join([*map(str, folders), os.defpath])
    return shutil.which(command, path=places) or command


def run(command: str, entry: Entry) -> None:
    """Start `command` with the entry as JSON on its standard input, without a shell; never raises.

    After SECONDS it is killed with what it has started. What it says on standard error, and an
    exit code that is not 0, go to the log.
    """
    with _turn:
        try:
            _run(command, json.dumps(as_json(entry)).encode() + b"\n")
        except OSError as error:
            log.error("the change hook %s cannot be started: %s", command, error.strerror)


def _run(command: str, change: bytes) -> None:
    process = subprocess.Popen(
        [command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
    )
    try:
        _, complaint = process.communicate(change, SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        log.error("the change hook %s was killed after %g s", command, SECONDS)
        return
    words = " ".join(complaint.decode("utf-8", "replace").split())[:MAX_SAID]
    if process.returncode:
        log.error("the change hook %s ended with %d: %s", command, process.returncode, words)
    else:
        log.info("the change hook %s was told%s", command, f": {words}" if words else "")
