"""A long life of the daemon."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.daemon.support import Changing, Start, get
from tests.daemon.test_daemon import COMMAND
from tests.support.waiting import eventually
from tests.transports.test_message_switch import Process as SwitchProcess
from xenops_cpu.transports.client import connect
from xenops_cpu.transports.message_switch import QUEUE
from xenops_cpu.transports.message_switch.client import sender


def memory(pid: int) -> int:
    """KiB that the process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


@pytest.mark.slow
def test_a_days_calls(start: Start, tmp_path: Path) -> None:
    """What xapi calls in a day (and a change every hour), in minutes: the memory stays flat."""
    host = Changing(tmp_path)
    path = tmp_path / "switch"
    switch = SwitchProcess(path)
    daemon = start(
        *host.option,
        config=f"use-switch = true\nswitch-path = {path}\nhistory = {tmp_path}/h.sqlite\n"
        f"metrics-file = {tmp_path}/x.prom\nwatch-seconds = 1\n",
    )
    eventually(lambda: "serving queue" in daemon.log.read_text(), "log in")
    send = sender(path, QUEUE, 30)
    body = json.dumps({"method": "HOST.stat", "params": [{"debug_info": "t"}], "id": 1}).encode()
    sizes = []
    for hour in range(24):
        host.lose(("AVX2", "BMI1")[hour % 2])
        for number in range(600):
            client = connect(daemon.socket, ("xmlrpc", "jsonrpc")[number % 2])
            client.host_get_cpu_info(f"task {hour}:{number}")
            client.host_is_compatible("x", "4", "3")
            if number % 10 == 0:
                send(body)
                get(daemon.socket, "/metrics")
        time.sleep(2.1)
        sizes.append(memory(daemon.process.pid))
    assert max(sizes[12:]) - max(sizes[4:12]) < 1024, sizes
    assert daemon.stop() == 0
    switch.kill()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--socket-group", "nobody-at-all"), "no group 'nobody-at-all'"),
        (("--source", "recorded:/nowhere"), "/nowhere"),
        (("--on-inconsistent", "perhaps"), "perhaps"),
    ],
)
def test_a_start_that_is_refused_leaves_nothing(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    """Neither a socket nor a lock; the sentence says what is wrong."""
    command = [
        *COMMAND,
        "serve",
        "--socket",
        str(tmp_path / "socket"),
        "--source",
        "example:epyc-xen-4.17",
    ]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode in (2, 3)
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []
