"""Good callers in the midst of every kind of bad one.

    scripts/storm [--seconds S] [--half-open N] [--idle N] [--without KIND ...] [--json]

Good callers ask this service when it is calm; amid a crowd of half-open and silent connections, of
which those who are closed stay away; amid the same crowd that comes again; and in the storm, which
has bad callers of every kind besides. For comparison: the standard library's server (threaded) when
it is calm, and while the storm is at the service beside it, which is what the machine alone does to
a caller then. Each row: calls, those without an answer, wrong answers, median and 99th percentile
in microseconds, and the latter's ratio to that of the same server when calm.

Then: how long the service computes before it answers a caller who comes behind so many half-open
newcomers of another process (milliseconds of its processor time, median of nine); memory (of the
daemon and its helper, in MiB: the most, and after the storm), the most files open, and the size of
the log.

Exit codes: 0 nothing was lost, 1 a good call had no answer or a wrong one, 2 wrong use.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import behind
import callers

PEERS = Path(__file__).parent.parent / "benchmarks" / "peers.py"
GOOD_CALLERS = 4
AWAY_SECONDS = 1.0  # until one of the crowd who was closed comes again
ROWS = {  # and the row with which each is compared
    "stdlib, calm": "stdlib, calm",
    "stdlib, beside": "stdlib, calm",
    "calm": "calm",
    "crowd": "calm",
    "crowd, coming": "calm",
    "storm": "calm",
    "calm again": "calm",
}


class Server:
    """A server process; the log of the service goes to a file."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.path = str(folder / kind)
        self.log = folder / f"{kind}.log"
        command = [sys.executable, str(PEERS), kind, self.path]
        if kind == "service":
            source = "example:skylake-server-xen-4.17"
            command = [sys.executable, "-m", "xenops_cpu", "serve", "--socket", self.path]
            command += ["--source", source]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        self.most = dict.fromkeys(("daemon", "helper", "together", "files"), 0.0)

    def __enter__(self) -> Server:
        for _ in range(2000):
            with contextlib.suppress(OSError):
                callers.connect(self.path).close()
                return self
            time.sleep(0.01)
        raise SystemExit(f"{self.path} did not start")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()

    def expected(self) -> bytes:
        with callers.connect(self.path) as client:
            client.sendall(callers.GOOD)
            return callers.read_reply(client)

    def memory(self) -> tuple[float, float]:
        """MiB that the daemon, and that its helpers hold: shared pages in part (PSS)."""
        helpers = sum(_pss(pid) for pid in _children(self.process.pid))
        return _pss(self.process.pid), helpers

    def watch(self, until: float) -> None:
        """Note the most of everything."""
        while time.monotonic() < until:
            daemon, helper = self.memory()
            files = len(os.listdir(f"/proc/{self.process.pid}/fd"))
            now = {"daemon": daemon, "helper": helper, "together": daemon + helper, "files": files}
            for name, value in now.items():
                self.most[name] = max(self.most[name], value)
            time.sleep(0.1)


def _pss(pid: int) -> float:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(rollup.split("\nPss:")[1].split()[0]) / 1024


def _children(parent: int) -> list[int]:
    pids = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                pids.append(int(folder.name))
    return pids


def ask(path: str, seconds: float, expected: bytes) -> dict[str, Any]:
    """What good callers see in so many seconds."""
    record = callers.Record()
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(
            target=callers.good, args=(path, until, record, expected, number % 2 == 0), daemon=True
        )
        for number in range(GOOD_CALLERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 60)
    never = sum(thread.is_alive() for thread in threads)
    cuts = statistics.quantiles(record.times, n=100) if len(record.times) > 1 else [0.0] * 99
    return {
        "calls": record.calls + never,
        "unanswered": record.unanswered + never,
        "wrong": record.wrong,
        "p50": cuts[49] * 1e6,
        "p99": cuts[98] * 1e6,
    }


def trouble(
    path: str, seconds: float, names: list[str], half_open: int, idle: int, away: float
) -> None:
    """In a process of its own: everybody who is up to no good."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    until = time.monotonic() + seconds
    jobs: list[tuple[Any, ...]] = [(callers.TROUBLE[name], path, until) for name in names]
    jobs += [
        (callers.half_open, path, until, half_open, away),
        (callers.idle, path, until, idle, away),
    ]
    threads = [threading.Thread(target=job[0], args=job[1:], daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 5)


def storm(
    server: Server, names: list[str], away: float, options: argparse.Namespace, peer: Server | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the service's good callers see amid the crowd and the callers named, then the peer's."""
    expected = server.expected()
    bad = multiprocessing.get_context("spawn").Process(
        target=trouble,
        args=(server.path, options.seconds, names, options.half_open, options.idle, away),
    )
    bad.start()
    time.sleep(min(2.0, options.seconds / 4))  # until the storm has gathered
    until = time.monotonic() + options.seconds * 0.7
    watching = threading.Thread(target=server.watch, args=(until,), daemon=True)
    watching.start()
    result = ask(server.path, options.seconds * (0.5 if peer else 0.7), expected)
    beside = ask(peer.path, options.seconds * 0.2, peer.expected()) if peer else {}
    bad.join(options.seconds + 30)
    if bad.is_alive():
        bad.kill()
    watching.join()
    return result, beside


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="of each crowd and of the storm (30)"
    )
    parser.add_argument("--settle", type=float, default=60.0, help="seconds after it (60)")
    parser.add_argument("--half-open", type=int, default=2300, help="requests begun (2300)")
    parser.add_argument("--idle", type=int, default=2300, help="silent connections (2300)")
    parser.add_argument(
        "--without", nargs="+", default=[], choices=tuple(callers.TROUBLE), metavar="KIND",
        help=f"of {', '.join(callers.TROUBLE)}",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    calm_seconds = max(min(options.seconds / 3, 10.0), 1.0)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        peer = stack.enter_context(Server("stdlib", folder))
        server = stack.enter_context(Server("service", folder))
        rows = {"stdlib, calm": ask(peer.path, calm_seconds, peer.expected())}
        expected = server.expected()
        rows["calm"] = ask(server.path, calm_seconds, expected)
        rows["crowd"], _ = storm(server, [], float("inf"), options, None)
        rows["crowd, coming"], _ = storm(server, [], AWAY_SECONDS, options, None)
        before = server.log.stat().st_size
        names = [name for name in callers.TROUBLE if name not in options.without]
        rows["storm"], rows["stdlib, beside"] = storm(server, names, AWAY_SECONDS, options, peer)
        size = server.log.stat().st_size - before
        time.sleep(options.settle)
        after = sum(server.memory())
        rows["calm again"] = ask(server.path, calm_seconds, expected)
        waiting = behind.processor_ms(server.path, server.process.pid, options.half_open)
    measurements = {
        **{name: rows[name] for name in ROWS},
        "behind_ms": waiting,
        "memory": {**server.most, "after": after},
        "log_bytes": size,
    }
    print(json.dumps(measurements) if options.json else _text(measurements, options))
    ours = [rows[name] for name, base in ROWS.items() if base == "calm"]
    return 1 if any(row["unanswered"] or row["wrong"] for row in ours) else 0


def _text(measurements: dict[str, Any], options: argparse.Namespace) -> str:
    lines = [
        f"{'':16}{'calls':>9}{'unanswered':>12}{'wrong':>7}{'p50 µs':>10}{'p99 µs':>10}{'ratio':>7}"
    ]
    for name, base in ROWS.items():
        row = measurements[name]
        ratio = row["p99"] / (measurements[base]["p99"] or 1)
        lines.append(
            f"{name:16}{row['calls']:>9}{row['unanswered']:>12}{row['wrong']:>7}"
            f"{row['p50']:>10.0f}{row['p99']:>10.0f}{ratio:>7.1f}"
        )
    lines.append(
        f"behind {options.half_open} newcomers: {measurements['behind_ms']:.1f} ms of the "
        "service's processor time"
    )
    memory = measurements["memory"]
    lines.append(
        f"memory, MiB: daemon {memory['daemon']:.0f}, helper {memory['helper']:.0f}, together "
        f"{memory['together']:.0f} at most; {memory['after']:.0f} after {options.settle:g} s"
    )
    lines.append(f"files open: {memory['files']:.0f} at most")
    lines.append(f"log: {measurements['log_bytes'] / 1024:.0f} KiB in {options.seconds:g} s")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
