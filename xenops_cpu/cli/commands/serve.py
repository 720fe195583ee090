"""xenops-cpu serve: the daemon."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ... import log
from ...daemon.config import ConfigError, keys
from ...daemon.config.resolve import Resolved, changed, dump, resolve
from ...errors import Error
from ...version import __version__
from .. import OK, WRONG_USAGE, Failure, command_line, gate, options, sockets

if TYPE_CHECKING:
    import socket

    from ...service.service import OnInconsistent

_EXAMPLES = """  xenops-cpu serve                                             # this host
  xenops-cpu serve --socket /tmp/xenops-cpu.sock               # on a socket of your own
  xenops-cpu serve --source recorded:host-7.json               # a host captured elsewhere
  xenops-cpu serve --socket-mode 660 --socket-group xapi       # for one group
  xenops-cpu serve --history /var/lib/xenops-cpu/history.sqlite --use-switch true
  xenops-cpu serve --dump-config                               # each value, and where it is from
"""

_CONFIGURATION = """configuration:
  Each of the options with a value above is a key of {config} and of every file in
  {folder} too, written `key = value`; a file beats the command line, as in all of xapi's
  daemons, and the last file by name the others. SIGHUP reads the files again. docs/host.md"""

logger = logging.getLogger(__name__)


def _more_help() -> str:
    """The table of limits and where configuration stands."""
    import textwrap

    from ...limits import service as limits

    lines = [_CONFIGURATION.format(config=keys.CONFIG, folder=keys.CONFIG_DIR), ""]
    lines.append("limits (docs/reliability.md):")
    for name, value, meaning in limits.table():
        lines.append(f"  {name}: {value}")
        lines.extend(textwrap.wrap(meaning, 76, initial_indent=" " * 6, subsequent_indent=" " * 6))
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "serve",
        "Answer on a Unix socket, in XML-RPC and JSON-RPC, until SIGTERM or SIGINT.",
        _EXAMPLES,
        _more_help,
    )
    options.add_source(command)
    members = {action.dest for action in command._actions}
    for member, key in keys.KEYS.items():
        if member not in members:
            default = sockets.to_serve() if member == "socket" else key.default
            shown = f"{key.help} ({default})" if default else key.help
            command.add_argument(
                f"--{key.name}", metavar=key.metavar, help=shown.replace("%", "%%")
            )
    command.add_argument(
        "--config", metavar="FILE", default=str(keys.CONFIG), help=f"({keys.CONFIG}); '' for none"
    )
    command.add_argument(
        "--config-dir", metavar="FOLDER", default=str(keys.CONFIG_DIR), help=f"({keys.CONFIG_DIR})"
    )
    command.add_argument(
        "--lenient-config",
        action="store_true",
        help="pass over unknown keys and bad values in files, with a line in the log for each",
    )
    command.add_argument(
        "--dump-config", action="store_true", help="print each value and where it is from, and end"
    )
    command.add_argument("--version", action="version", version=f"xenops-cpu {__version__}")
    return command


def _this_program() -> str:
    """As the person who started it can type it."""
    name = Path(sys.argv[0]).name
    if name == "__main__.py":
        return f"{sys.executable} -m xenops_cpu"
    return name if shutil.which(name) else sys.argv[0]


def _resolved(arguments: argparse.Namespace) -> Resolved:
    """The configuration, out of the command line and the files as they are now."""
    typed = {
        key.name: str(getattr(arguments, member))
        for member, key in keys.KEYS.items()
        if getattr(arguments, member) is not None
    }
    for name in ("socket", "boot-cpuinfo"):  # a person stands in a folder; a file does not
        if typed.get(name):
            typed[name] = str(Path(typed[name]).absolute())
    return resolve(
        typed,
        Path(arguments.config) if arguments.config else None,
        Path(arguments.config_dir) if arguments.config_dir else None,
        arguments.lenient_config,
    )


def run(arguments: argparse.Namespace) -> int:
    from ...daemon import serve as daemon

    try:
        resolved = _resolved(arguments)
        if arguments.dump_config:
            print(dump(resolved), end="")
            return OK
        inherited = _inherited()
    except ConfigError as error:
        raise Failure(str(error), WRONG_USAGE) from error
    except Error as error:
        raise Failure(str(error)) from error
    config = resolved.config
    _log_to(config)
    for line in (*resolved.problems, *resolved.overridden):
        logger.warning("%s", line)
    path = config.socket or sockets.to_serve().absolute()
    if inherited is not None:
        path = Path(os.fsdecode(inherited.getsockname()))
    arguments.source, arguments.boot_cpuinfo = config.source, config.boot_cpuinfo
    source = options.source(arguments)

    def ready() -> None:
        with contextlib.suppress(OSError):  # nobody may hear it, but callers may be there
            print(f"serving {source.name} on {path}")
            print(f"ask it: {_this_program()} info --socket {path}", flush=True)
        try:
            sys.stdout.flush()
        except OSError:
            gate.of(sys.stdout).give_up()

    try:
        daemon.serve(
            path,
            source,
            on_inconsistent=cast("OnInconsistent", config.on_inconsistent),
            mode=config.socket_mode,
            group=config.socket_group,
            ready=ready,
            config=config,
            reload=_reload(arguments, resolved),
            inherited=inherited,
        )
    except (daemon.SocketError, Error) as error:
        raise Failure(str(error)) from error
    sys.stderr.flush()  # what could not be written is given up
    return OK


def _log_to(config: keys.Config) -> None:
    if config.log == "stderr" and not config.disable_logging_for:
        log.to_stream(config.loglevel)
    else:
        from ...log import targets

        targets.to_target(config.log, config.loglevel, config.disable_logging_for)


def _reload(arguments: argparse.Namespace, before: Resolved) -> Callable[[], keys.Config] | None:
    """What SIGHUP does; None where it is a terminal that closes, and ends the service.

    It is one unless a service manager or a configuration file is there, and where the service was
    started from a terminal.
    """
    files = [Path(place) for place in (arguments.config, arguments.config_dir) if place]
    managed = "NOTIFY_SOCKET" in os.environ or any(file.exists() for file in files)
    if not managed or (sys.stdin is not None and sys.stdin.isatty()):
        return None
    config = before.config

    def read_again() -> keys.Config:
        nonlocal config
        log.task.set("reload")
        try:
            now = _resolved(arguments)
        except ConfigError as error:
            logger.error("the configuration stays as it was: %s", error)
            return config
        at_once, later = changed(config, now.config)
        from ...log import targets

        targets.settings(now.config.loglevel, now.config.disable_logging_for)
        for line in now.problems:
            logger.warning("%s", line)
        if later:
            logger.warning("at the next start: %s", ", ".join(later))
        logger.info("configuration read again: %s", ", ".join(at_once) or "nothing new")
        config = now.config
        return config

    return read_again


def _inherited() -> socket.socket | None:
    """The socket that systemd has opened, if it has. Raises SystemdError."""
    if "LISTEN_FDS" not in os.environ:
        return None
    from ...daemon import systemd

    first, *others = [*systemd.sockets(), None]
    if any(others):
        raise systemd.SystemdError("systemd handed over several sockets: one ListenStream= is used")
    return first
