"""Who comes behind thousands of newcomers: what the service computes before it answers.

A caller stands behind whoever connected before. The service is stopped while a process of its own
connects so many times, and a good caller after that; then it goes on. Its processor time until the
good caller has the answer says how long the wait is, however busy the machine is with other things.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import statistics
import time
from multiprocessing.connection import Connection
from pathlib import Path

import callers

ROUNDS = 9


def processor_ms(path: str, pid: int, count: int) -> float:
    """Milliseconds of the process `pid`, which listens at `path`: the median of the rounds."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    crowd = context.Process(target=_come_and_go, args=(path, count, theirs), daemon=True)
    crowd.start()
    times = [_one_round(path, pid, ours) for _ in range(ROUNDS)]
    crowd.kill()
    return statistics.median(times)


def _one_round(path: str, pid: int, crowd: Connection) -> float:
    os.kill(pid, signal.SIGSTOP)
    try:
        crowd.send("come")
        crowd.recv()
        client = callers.connect(path)
        client.sendall(callers.GOOD)
        start = _processor_time(pid)
    finally:
        os.kill(pid, signal.SIGCONT)
    callers.read_reply(client)
    end = _processor_time(pid)
    client.close()
    crowd.send("go")
    crowd.recv()
    time.sleep(1)  # until the service has seen that
    return (end - start) / 1e6


def _processor_time(pid: int) -> int:
    """Nanoseconds of the thread in which its loop runs, so far."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def _come_and_go(path: str, count: int, orders: Connection) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    while orders.recv() == "come":
        clients = [callers.connect(path) for _ in range(count)]
        for client in clients:
            client.sendall(callers.BEGUN)
        orders.send("here")
        orders.recv()
        for client in clients:
            client.close()
        orders.send("gone")
