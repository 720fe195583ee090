"""Spans: what a real collector's endpoint receives over HTTP."""

import gzip
import http.server
import logging
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from xenops_cpu.daemon.tracing import Tracing, TracingError

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{CALLER}-01"


class Collector(http.server.ThreadingHTTPServer):
    """Takes spans as a collector does and keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Any] = []
        self.resources: list[dict[str, str]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.path == "/v1/traces"
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            self.server.resources.append(_texts(resource.resource.attributes))
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _texts(attributes: Any) -> dict[str, str]:
    return {item.key: item.value.string_value for item in attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "debug_info",
    [
        f"VM.resume R:7\n{PARENT}",
        f'VM.resume R:7\n{{"traceparent": "{PARENT}", "baggage": "a=b"}}',
    ],
)
def test_a_span_joins_the_callers_trace(collector: Collector, debug_info: str) -> None:
    """Its trace and parent are the caller's; it has method, task and times."""
    tracing = Tracing(collector.address, host="host-uuid")
    before = time.time_ns()
    tracing.called("HOST.stat", "", 0.25, debug_info)
    tracing.stop()
    (span,) = collector.spans
    assert span.name == "HOST.stat"
    assert span.trace_id.hex() == TRACE
    assert span.parent_span_id.hex() == CALLER
    assert span.end_time_unix_nano - span.start_time_unix_nano == 250_000_000
    assert before <= span.end_time_unix_nano <= time.time_ns()
    attributes = _texts(span.attributes)
    assert (attributes["rpc.method"], attributes["xapi.task"]) == ("HOST.stat", "VM.resume R:7")
    assert collector.resources[0]["service.name"] == "xenops_cpu"
    assert collector.resources[0]["host.id"] == "host-uuid"


def test_a_failed_call(collector: Collector) -> None:
    """Its span has an error's status and tag; without a parent it begins a trace."""
    tracing = Tracing(collector.address + "/")
    tracing.called("HOST.get_cpu_info", "Internal_error", 0.001, "task")
    tracing.stop()
    (span,) = collector.spans
    assert span.status.code == 2
    assert _texts(span.attributes)["error.type"] == "Internal_error"
    assert not span.parent_span_id
    assert any(span.trace_id)


def test_a_trace_that_is_not_recorded(collector: Collector) -> None:
    """A caller that does not sample its trace gets no span of ours either."""
    tracing = Tracing(collector.address)
    tracing.called("HOST.stat", "", 0.001, f"task\n00-{TRACE}-{CALLER}-00")
    tracing.stop()
    assert collector.spans == []


@pytest.mark.slow
def test_nobody_at_the_address(caplog: pytest.LogCaptureFixture) -> None:
    """A call waits for nothing; stopping takes a few seconds at the most."""
    tracing = Tracing("http://127.0.0.1:1")
    started = time.monotonic()
    tracing.called("HOST.stat", "", 0.001, "task")
    assert time.monotonic() - started < 1
    with caplog.at_level(logging.CRITICAL):
        tracing.stop()
    assert time.monotonic() - started < 30


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the package and what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(TracingError, match="pip install opentelemetry-sdk"):
        Tracing("http://127.0.0.1:1")
