"""What operators watch of the daemon: metrics, health, logs, traces."""

import json
import re
import threading
import time
from pathlib import Path

import pytest
from prometheus_client.openmetrics import parser as openmetrics_parser

from tests.daemon.support import EXAMPLE, Changing, Start, call, get
from xenops_cpu.interface import InternalError
from xenops_cpu.transports.client import connect


def test_metrics_and_health(start: Start, tmp_path: Path) -> None:
    """Over the socket by GET and by rpc, as OpenMetrics and JSON; in a file for node_exporter."""
    prom = tmp_path / "xenops_cpu.prom"
    daemon = start(*EXAMPLE, config=f"metrics-file = {prom}\n")
    client = connect(daemon.socket)
    client.host_get_cpu_info("x")
    with pytest.raises(InternalError):
        client.host_combine_cpu_policies("x", "zz", "")
    call(daemon.socket, "rpc.health")
    kind, text = get(daemon.socket, "/metrics")
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in openmetrics_parser.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
    }
    assert samples["xenops_cpu_calls_total", "HOST.get_cpu_info", "success"] == 1
    assert samples["xenops_cpu_calls_total", "HOST.combine_cpu_policies", "error"] == 1
    assert samples["xenops_cpu_errors_total", "Internal_error"] == 1
    assert samples["xenops_cpu_features", "hvm_max"] == 63
    assert samples["xenops_cpu_call_seconds_count", "HOST.get_cpu_info"] == 1
    assert samples["xenops_cpu_source_reads_total", "success"] >= 1
    assert "xenops_cpu_calls_total" in call(daemon.socket, "rpc.metrics")
    kind, text = get(daemon.socket, "/health")
    assert kind == "application/json"
    assert json.loads(text) == call(daemon.socket, "rpc.health")
    assert json.loads(text)["status"] == "ok"
    assert "# TYPE xenops_cpu_calls_total counter" in prom.read_text()


@pytest.mark.slow
def test_health_when_the_host_cannot_be_read(start: Start, tmp_path: Path) -> None:
    """The state and the reason; a call that xapi would pass over is loud in the log."""
    host = Changing(tmp_path)
    daemon = start(*host.option)
    (tmp_path / "host.json").write_text("{}")
    time.sleep(2.1)  # answers are good for two seconds
    with pytest.raises(InternalError, match="not a capture"):
        connect(daemon.socket).host_get_cpu_info("xapi's task")
    health = call(daemon.socket, "rpc.health")
    assert health["status"] == "failing"
    assert "not a capture" in health["problems"]["source"]
    loud = [line for line in daemon.log.read_text().splitlines() if "xapi keeps its old" in line]
    assert re.search(r"\[ error\|.*\|xapi's task\|dispatch\] HOST.get_cpu_info failed", loud[0])


def test_syslog(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configured as xapi's daemons are, lines go to syslog and none to standard error."""
    daemon = start(*EXAMPLE, config="log = syslog:local5\n")
    assert connect(daemon.socket).query("x").name == "xenops_cpu"
    assert daemon.log.read_text() == ""


def test_a_trace(start: Start, tmp_path: Path) -> None:
    """A call's span reaches the collector with the caller's trace."""
    pytest.importorskip("opentelemetry.sdk")
    from tests.daemon.test_tracing import PARENT, TRACE, Collector

    collector = Collector()
    thread = threading.Thread(target=collector.serve_forever, args=(0.01,))
    thread.start()
    inventory = tmp_path / "inventory"
    inventory.write_text("PRODUCT_VERSION='8.4.0'\nINSTALLATION_UUID='5e0f'\n")
    daemon = start(
        *EXAMPLE, config=f"otlp-endpoint = {collector.address}\ninventory = {inventory}\n"
    )
    connect(daemon.socket).host_get_cpu_info(f"VM.start\n{PARENT}")
    assert daemon.stop() == 0
    collector.shutdown()
    thread.join()
    collector.server_close()
    (span,) = [span for span in collector.spans if span.name == "HOST.get_cpu_info"]
    assert span.trace_id.hex() == TRACE
    assert collector.resources[0]["host.id"] == "5e0f"
