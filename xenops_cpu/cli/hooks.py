"""A program of the user's that is told of what was found: one JSON line on its standard input."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import WRONG_USAGE, Failure

_SECONDS = 60.0
HELP = "with the JSON line on its standard input (no shell)"


def parse(command: str | None) -> list[str]:
    """The words of --hook, as a shell splits them; none without it. Raises Failure."""
    try:
        words = shlex.split(command or "")
    except ValueError as error:
        raise Failure(f"--hook {command}: {error}", WRONG_USAGE) from error
    if command is not None and not words:
        raise Failure("--hook: there is no command in it", WRONG_USAGE)
    return words


def run(hook: Sequence[str], document: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """A hook that fails is told of, and the work goes on. It does not inherit the password."""
    from ..xapi.credentials import VARIABLE

    environment = {name: text for name, text in os.environ.items() if name != VARIABLE}
    try:
        process = subprocess.run(
            hook,
            input=json.dumps(document, ensure_ascii=False) + "\n",
            text=True,
            timeout=_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        say(f"the hook {hook[0]} did not end within {_SECONDS:g} s and was stopped")
    except OSError as error:
        say(f"the hook {hook[0]} cannot be run: {error.strerror}")
    else:
        if process.returncode:
            say(f"the hook {hook[0]} ended with {process.returncode}")
