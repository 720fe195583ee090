"""The daemon: puts the parts together, and goes when it is told to."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import evolve

from .. import files
from ..limits.service import LIMITS, Limits
from ..service.level import Combine
from ..service.service import OnInconsistent, XenopsCpu
from ..sources import Source
from ..sources.choose import reads_this_machine
from ..sources.fresh import Fresh
from ..transports.conversation import Answers
from ..transports.unix_http import Server
from ..transports.unix_socket import SocketError, listening
from ..wire import JSONRPC, dispatch
from . import signals, systemd
from .companions import Companions
from .config.keys import Config, defaults
from .helper import Setup
from .staff import Staff, refuse

log = logging.getLogger(__name__)

__all__ = ["SocketError", "serve"]

# A change of the host (late microcode) shows in the answers this many seconds later at the most.
STALE_SECONDS = 2.0


def serve(
    path: Path,
    source: Source,
    on_inconsistent: OnInconsistent = "error",
    mode: int = 0o600,
    group: str | None = None,
    limits: Limits = LIMITS,
    ready: Callable[[], None] = lambda: None,
    config: Config | None = None,
    reload: Callable[[], Config] | None = None,
    inherited: socket.socket | None = None,
) -> None:
    """Serve `source` on the socket `path` until a signal says stop; what was sent is answered.

    `ready` is called when calls are answered. `config` has what stands beside the service;
    `reload` reads it again, for SIGHUP. `inherited`: the socket, where systemd has opened it.
    Raises SocketError when the socket cannot be had, and what the configured parts raise.
    """
    config = config or defaults()
    limits = _within_files(limits)
    companions = Companions(config, source, reads_this_machine(source))
    fresh = Fresh(companions.source, STALE_SECONDS, noticed=companions.noticed)
    own_level = config.combine != "libxc" or source.name != "xen"
    service = XenopsCpu(
        fresh,
        on_inconsistent,
        libxc_level=None if own_level else _libxc_level(),
        history=companions.history,
    )
    setup = Setup(
        source=source,
        on_inconsistent=on_inconsistent,
        instance_id=service.instance_id,
        stale_seconds=STALE_SECONDS,
        loglevel=logging.getLogger("xenops_cpu").level or logging.INFO,
        limits=limits,
        log=config.log,
        asks_libxc=not own_level,
    )
    staff = Staff(
        service,
        setup,
        companions.called,
        {"/metrics": companions.metrics_page, "/health": companions.health_page},
        {"rpc.metrics": companions.metrics, "rpc.health": companions.health},
    )

    def read_again() -> None:
        assert reload is not None
        systemd.reloading()
        companions.apply(reload())
        systemd.ready(f"serving {source.name}")

    with (
        signals.handled(read_again if reload else None) as told_to_stop,
        listening(path, mode, group)
        if inherited is None
        else contextlib.nullcontext(inherited) as listener,
        staff,
        _pidfile(config.pidfile),
        companions,
    ):
        answers = Answers(staff.quick, staff.long, refuse, staff.waits)
        json = path.suffix == ".json"
        server = Server(listener, answers, limits, json, ours=inherited is None)
        told_to_stop(companions.stopping)
        told_to_stop(server.stop)
        service.query("start")  # reads the source, so that the log begins with what it says
        companions.start(
            lambda: service.query("watch"),
            staff.over_the_switch,
            lambda text: dispatch.failure(JSONRPC, text),
        )
        _keep_the_watchdog_quiet(companions, path)
        log.info("serving %s on %s", source.name, path)
        systemd.ready(f"serving {source.name}")
        ready()
        server.serve()
        systemd.stopping()
    log.info("stopped")


def _libxc_level() -> Combine | None:
    from ..sources.libxc_level import combine_of_libxc

    return combine_of_libxc()


def _keep_the_watchdog_quiet(companions: Companions, path: Path) -> None:
    seconds = systemd.watchdog_seconds()
    if seconds is not None:
        from .watchdog import tell_if_alive

        companions.every("telling systemd", seconds / 3, lambda: tell_if_alive(str(path)))


@contextlib.contextmanager
def _pidfile(path: Path | None) -> Iterator[None]:
    """The process number in `path`, as long as this goes on. Raises SocketError."""
    if path is None:
        yield
        return
    number = f"{os.getpid()}\n"
    try:
        files.write(path, number)
    except files.FileError as error:
        raise SocketError(f"cannot write the pidfile {path}: {error.reason}") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError, files.FileError):
            if files.head(path, 64).decode() == number:  # not another one's
                path.unlink()


def _within_files(limits: Limits) -> Limits:
    """As many open files as connections may need; as many connections as there may be files."""
    files = limits.connections + limits.reserved_files + limits.newcomers
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < files:
        most = files if hard == resource.RLIM_INFINITY else min(files, hard)
        soft = max(soft, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    connections = max(min(limits.connections, soft - limits.reserved_files), 1)
    newcomers = max(min(limits.newcomers, soft - limits.reserved_files - connections), 1)
    limits = evolve(limits, newcomers=newcomers)
    if connections == limits.connections:
        return limits
    log.warning("%d open files are allowed: %d connections at once", soft, connections)
    share = connections / limits.connections
    return evolve(
        limits,
        connections=connections,
        process_connections=max(int(limits.process_connections * share), 1),
        user_connections=max(int(limits.user_connections * share), 1),
    )
