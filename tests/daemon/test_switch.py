"""The daemon on its socket and on the message switch at once."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.support import EXAMPLE, Start, call
from tests.daemon.test_daemon import COMMAND
from tests.support.waiting import eventually
from tests.transports.test_message_switch import Process as SwitchProcess
from xenops_cpu.transports.client import connect
from xenops_cpu.transports.message_switch import QUEUE
from xenops_cpu.transports.message_switch.client import sender


@pytest.mark.slow
def test_both_transports_at_once(start: Start, tmp_path: Path) -> None:
    """One service answers on its socket and on the switch, which is killed and started again."""
    path = tmp_path / "switch"
    switch = SwitchProcess(path)
    daemon = start(*EXAMPLE, config=f"use-switch = true\nswitch-path = {path}\n")
    eventually(lambda: "serving queue" in daemon.log.read_text(), "log in")
    send = sender(path, QUEUE, 20)

    def ask(method: str, **params: Any) -> Any:
        body = {"method": method, "params": [{"debug_info": "t", **params}], "id": 7}
        return json.loads(send(json.dumps(body).encode()))

    direct = call(daemon.socket, "HOST.get_cpu_info")
    assert ask("HOST.get_cpu_info") == {"result": direct, "error": None, "id": 7}
    assert ask("HOST.combine_cpu_policies", policy1="zz", policy2="")["error"][0] == (
        "Internal_error"
    )
    hosts = [{"name": "h", "hvm": True, "cpu_info": {"features_pv": "1"}, "release": ""}]
    assert ask("POOL.level", hosts=hosts, guest_type="Pv")["result"]["featureset"] == "00000001"
    for nonsense in (b"hello", b"", b"<methodCall/>", b"[1]"):
        answer = json.loads(send(nonsense))
        assert answer["error"][0] == "Internal_error", nonsense
    switch.kill()
    eventually(
        lambda: call(daemon.socket, "rpc.health")["status"] == "degraded", "the loss to be noticed"
    )
    assert connect(daemon.socket).query("x").name == "xenops_cpu"
    switch = SwitchProcess(path)
    eventually(lambda: call(daemon.socket, "rpc.health")["status"] == "ok", "the return")
    assert ask("query", unit=None)["result"]["name"] == "xenops_cpu"
    done = subprocess.run(
        [*COMMAND, "call", "HOST.get_cpu_info", "--switch", str(path)],
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout)["features_hvm"] == direct["features_hvm"], done.stderr
    assert daemon.stop() == 0
    switch.kill()
