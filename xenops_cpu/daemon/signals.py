"""Signals of the daemon: SIGTERM and SIGINT stop it, SIGHUP reads its configuration again."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ..log import task

log = logging.getLogger(__name__)

_STOP = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def handled(reload: Callable[[], None] | None) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Until the end of the block a signal stops what the function that is given is told to stop.

    `reload` is called on a thread of its own for SIGHUP; without it SIGHUP is a terminal that
    closes, and stops as well. Where SIGHUP is ignored (nohup), it stays so.
    """
    stops: list[Callable[[], None]] = []
    signalled = False

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal signalled
        signalled = True
        task.set("stop")
        log.info("%s: stopping", signal.Signals(number).name)
        for each in stops:
            each()

    def read_again(_number: int, _frame: FrameType | None) -> None:
        assert reload is not None
        threading.Thread(target=reload, name="reload", daemon=True).start()

    def told_to_stop(how: Callable[[], None]) -> None:
        stops.append(how)
        if signalled:
            how()

    before = {number: signal.signal(number, stop) for number in _STOP}
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN or reload is not None:
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, read_again if reload else stop)
    try:
        yield told_to_stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
