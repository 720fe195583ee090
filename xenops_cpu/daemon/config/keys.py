"""All that can be configured. One field is one key of the files and one option of `serve`."""

# ruff: noqa: RUF009 - _key gives a field of attrs, not a value

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
from attrs import frozen

from . import values

T = TypeVar("T")

COMMON, OWN = "common", "own"


@frozen
class Key:
    """`name` is what a person writes; `help` says what it means. `default`: as text. `metavar`:
    what kind of value it takes, in a word.

    `group`: whether all of xapi's daemons have it. `reload`: whether SIGHUP applies a new value;
    else it waits for the next start.
    """

    name: str
    parse: Callable[[str], Any]
    default: str
    help: str
    metavar: str
    group: str
    reload: bool


def _key(
    parse: Callable[[str], T],
    default: str,
    help: str,
    metavar: str,
    group: str = OWN,
    reload: bool = False,
) -> T:
    metadata = {
        "parse": parse,
        "default": default,
        "help": help,
        "metavar": metavar,
        "group": group,
        "reload": reload,
    }
    field: T = attrs.field(metadata=metadata)
    return field


@frozen
class Config:
    """The values to serve by."""

    use_switch: bool = _key(
        values.boolean, "false", "answer on the message switch as well", "true|false", COMMON
    )
    switch_path: Path = _key(
        values.path,
        "/var/run/message-switch/sock",
        "the message switch's Unix socket",
        "PATH",
        COMMON,
    )
    search_path: tuple[Path, ...] = _key(
        values.folders,
        "",
        "where programs are looked for beside PATH, with ':' between",
        "FOLDER:...",
        COMMON,
    )
    pidfile: Path | None = _key(
        values.optional_path,
        "",
        "file for the process number; none unless it is named",
        "FILE",
        COMMON,
    )
    log: str = _key(
        values.log_target,
        "stderr",
        "stderr, journal, or syslog:FACILITY (syslog:daemon)",
        "TARGET",
        COMMON,
    )
    disable_logging_for: tuple[str, ...] = _key(
        values.words,
        "",
        "modules that log nothing, with blanks between",
        "MODULES",
        COMMON,
        reload=True,
    )
    loglevel: str = _key(
        values.level,
        "info",
        "debug, info, warning or error",
        "debug|info|warning|error",
        COMMON,
        reload=True,
    )
    inventory: Path = _key(
        values.path,
        "/etc/xensource-inventory",
        "the host's inventory, for its UUID",
        "FILE",
        COMMON,
    )
    socket: Path | None = _key(
        values.optional_path,
        "",
        "the Unix socket to answer on; the usual place if not named",
        "PATH",
    )
    socket_mode: int = _key(values.mode, "600", "permissions of the socket, octal", "MODE")
    socket_group: str | None = _key(
        values.text, "", "who else may connect: a group's name", "GROUP"
    )
    source: str | None = _key(
        values.text,
        "",
        "where featuresets come from: xen, simulated, recorded:FILE or example:NAME "
        "(xen on a Xen host, else simulated)",
        "SOURCE",
    )
    boot_cpuinfo: Path | None = _key(
        values.optional_path,
        "/etc/xensource/boot_time_cpus",
        "a copy of /proc/cpuinfo made at boot; used in its place where it is there",
        "FILE",
    )
    on_inconsistent: str = _key(
        values.one_of("error", "warn"),
        "error",
        "when a default policy is not within its max: answer with an error, or only log it",
        "error|warn",
    )
    combine: str = _key(
        values.one_of("libxc", "own"),
        "libxc",
        "whose level HOST.combine_cpu_policies answers where libxc has the function too",
        "libxc|own",
    )
    switch_queue: str = _key(
        values.queue, "org.xen.xapi.xenops.cpu", "the queue to answer on the message switch", "NAME"
    )
    history: Path | None = _key(
        values.database,
        "",
        "file (.sqlite) in which changes of the host are kept; none: in memory",
        "FILE",
    )
    watch_seconds: float = _key(
        values.seconds(1, 86400),
        "60",
        "how often the host is looked at though nobody asks",
        "SECONDS",
        reload=True,
    )
    change_hook: str | None = _key(
        values.text,
        "",
        "a command that is told of each change, as JSON on standard input",
        "COMMAND",
        reload=True,
    )
    metrics_file: Path | None = _key(
        values.optional_path,
        "",
        "file for node_exporter's textfile collector (.prom)",
        "FILE",
        reload=True,
    )
    otlp_endpoint: str | None = _key(
        values.url, "", "where OpenTelemetry traces go (http://host:4318); none: no traces", "URL"
    )


def _keys() -> dict[str, Key]:
    return {
        field.name: Key(name=field.name.replace("_", "-"), **field.metadata)
        for field in attrs.fields(Config)
    }


def defaults() -> Config:
    """The configuration of a service that was told nothing."""
    return Config(**{member: key.parse(key.default) for member, key in KEYS.items()})


KEYS = _keys()
BY_NAME = {key.name: (member, key) for member, key in KEYS.items()}
# Where the files are; xapi's daemons have these two as keys as well.
CONFIG, CONFIG_DIR = Path("/etc/xenops-cpu.conf"), Path("/etc/xenops-cpu.conf.d")
