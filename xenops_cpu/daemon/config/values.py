"""How values are written. Each function takes the text and raises ValueError with what is right."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_MODE = re.compile(r"[0-7]{1,4}")
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,200}")


def boolean(text: str) -> bool:
    """true or false, as OCaml writes them."""
    if text not in ("true", "false"):
        raise ValueError("expected true or false")
    return text == "true"


def path(text: str) -> Path:
    """An absolute path: a daemon has no folder of its own to start from."""
    if not text.startswith("/") or "\0" in text:
        raise ValueError("expected an absolute path")
    return Path(text)


def optional_path(text: str) -> Path | None:
    """The same, or nothing."""
    return path(text) if text else None


def words(text: str) -> tuple[str, ...]:
    """Words separated by blanks."""
    return tuple(text.split())


def folders(text: str) -> tuple[Path, ...]:
    """Absolute paths separated by ":"."""
    return tuple(path(part) for part in text.split(":") if part)


def one_of(*choices: str) -> Callable[[str], str]:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected {', '.join(choices[:-1])} or {choices[-1]}")
        return text

    return parse


def seconds(least: float, most: float) -> Callable[[str], float]:
    """A number of seconds between two bounds."""

    def parse(text: str) -> float:
        if not _SECONDS.fullmatch(text) or not least <= float(text) <= most:
            raise ValueError(f"expected a number of seconds from {least:g} to {most:g}")
        return float(text)

    return parse


def mode(text: str) -> int:
    """The permissions of a file, octal."""
    if not _MODE.fullmatch(text) or int(text, 8) > 0o777:
        raise ValueError("invalid file mode value, expected an octal number up to 777")
    return int(text, 8)


def queue(text: str) -> str:
    """The name of a queue of the message switch."""
    if not _NAME.fullmatch(text):
        raise ValueError("expected a name of letters, digits, '.', '_', ':' and '-'")
    return text


def text(text: str) -> str | None:
    """Anything; nothing is None."""
    return text or None


def url(text: str) -> str | None:
    """An http or https address, or nothing."""
    if text and not text.startswith(("http://", "https://")):
        raise ValueError("expected an http:// or https:// address")
    return text or None


def database(text: str) -> Path | None:
    """Where an SQLite file may be, or nothing. A damaged one is moved aside, so its name tells."""
    if text and not text.endswith((".sqlite", ".db")):
        raise ValueError("expected an absolute path that ends in .sqlite or .db")
    return optional_path(text)


_FACILITIES = ("daemon", "user", "local0", "local1", "local2", "local3", "local4", "local5",
               "local6", "local7")  # fmt: skip


def log_target(text: str) -> str:
    """stderr, journal, or syslog with a facility: syslog:daemon, syslog:local5."""
    kind, _, facility = text.partition(":")
    if text in ("stderr", "journal"):
        return text
    if kind == "syslog" and (facility or "daemon") in _FACILITIES:
        return text
    raise ValueError("expected stderr, journal, or syslog:FACILITY such as syslog:daemon")


def level(text: str) -> str:
    """A level as xapi's daemons write it (warn, err too)."""
    level = {"warn": "warning", "err": "error"}.get(text.lower(), text.lower())
    return one_of("debug", "info", "warning", "error")(level)
