"""Which value of several counts, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from . import ConfigError
from .files import Line, lines_of
from .keys import BY_NAME, CONFIG, CONFIG_DIR, KEYS, Config


@frozen
class Origin:
    """A value as text and where it came from; `beaten`: what else was said and does not count."""

    text: str
    where: str
    beaten: tuple[str, ...] = ()


@frozen
class Resolved:
    """The values to serve by, the origin of each by key, the problems that were passed over."""

    config: Config
    origins: Mapping[str, Origin]
    problems: tuple[str, ...] = ()

    @property
    def overridden(self) -> list[str]:
        """A sentence for each option of the command line that a file has overridden."""
        return [
            f"{beaten} does not count: {origin.where} says {key} = {origin.text}"
            for key, origin in self.origins.items()
            for beaten in origin.beaten
            if beaten.startswith("--")
        ]


def resolve(
    options: Mapping[str, str],
    config: Path | None = CONFIG,
    folder: Path | None = CONFIG_DIR,
    lenient: bool = False,
) -> Resolved:
    """The values out of `options` (of the command line, by key) and the files.

    Unknown keys and bad values are a ConfigError with file and line; if `lenient`, problems that
    are passed over, as xapi's daemons pass over unknown keys. Bad options are an error always.
    """
    lines = lines_of(config, folder)
    problems: list[str] = []
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}

    def take(key: str, text: str, where: str) -> None:
        member, known = BY_NAME[key]
        try:
            values[member] = known.parse(text)
        except ValueError as error:
            named = where if where == f"--{key}" else f"{where}: {key}"
            raise ConfigError(f"{named}: {error}, got {text!r}") from None
        before = origins.get(key)
        beaten = (*before.beaten, _origin_words(key, before)) if before is not None else ()
        origins[key] = Origin(text, where, tuple(sentence for sentence in beaten if sentence))

    for known in KEYS.values():
        take(known.name, known.default, "default")
    for key, text in options.items():
        take(key, text, f"--{key}")
    for line in lines:
        try:
            _check(line)
            if line.key in BY_NAME:
                take(line.key, line.value, line.where)
        except ConfigError as error:
            if not lenient:
                raise
            problems.append(f"{error}; passed over")
    return Resolved(Config(**values), origins, tuple(problems))


def _origin_words(key: str, origin: Origin) -> str:
    if origin.where == "default":
        return ""
    return f"{origin.where} {origin.text}" if origin.where.startswith("--") else origin.where


# These two name the files themselves: they are options, and are read before any file.
_OPTIONS_ALONE = ("config", "config-dir")


def _check(line: Line) -> None:
    """Raises ConfigError for a line that is no pair of a known key."""
    if not line.key:
        raise ConfigError(f"{line.where}: {line.value[:80]!r} is not a line of key = value")
    if line.key in _OPTIONS_ALONE:
        raise ConfigError(f"{line.where}: {line.key} is given on the command line, not in a file")
    if line.key not in BY_NAME:
        import difflib

        near = difflib.get_close_matches(line.key, BY_NAME, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(BY_NAME))}"
        raise ConfigError(f"{line.where}: there is no key {line.key!r}; {hint}")


def dump(resolved: Resolved) -> str:
    """Each value and where it came from, as a file that could be read again."""
    rows = [(f"{key} = {origin.text}".rstrip(), origin) for key, origin in resolved.origins.items()]
    width = min(max(len(row) for row, _ in rows), 60)
    lines = []
    for row, origin in rows:
        beaten = f" (not {', '.join(origin.beaten)})" if origin.beaten else ""
        lines.append(f"{row:<{width}}  # {origin.where}{beaten}\n")
    return "".join(lines)


def changed(before: Config, now: Config) -> tuple[list[str], list[str]]:
    """The keys whose values differ: who apply at once, and who wait for the next start."""
    at_once: list[str] = []
    later: list[str] = []
    for member, key in KEYS.items():
        if getattr(before, member) != getattr(now, member):
            (at_once if key.reload else later).append(key.name)
    return at_once, later
