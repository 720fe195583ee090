"""A span for each call, joined to the trace of who called: OpenTelemetry, over HTTP.

The library is large and is imported only when an address to send to is configured; it comes with
the extra `tracing`. Spans are sent by a thread of the library's own, in batches; an
address that does not answer holds nobody up.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from ..errors import Error
from ..log import split_debug_info
from ..version import __version__

log = logging.getLogger(__name__)

# Where a collector takes spans, below its address (OTLP specification, "OTLP/HTTP Request").
_PATH = "/v1/traces"
_STOP_MILLISECONDS = 2000


class TracingError(Error):
    """Traces cannot be made here; the text says what to install."""


class Tracing:
    """Sends spans to `endpoint` (http://host:4318). `host`: this host's UUID, if it is known.

    Raises TracingError where the library is not installed.
    """

    def __init__(self, endpoint: str, host: str = "") -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ModuleNotFoundError as error:
            raise TracingError(
                f"traces need the package {error.name}: pip install "
                "opentelemetry-sdk opentelemetry-exporter-otlp-proto-http, or leave otlp-endpoint "
                "out"
            ) from error
        # What the library complains of goes where our own lines go.
        theirs, ours = logging.getLogger("opentelemetry"), logging.getLogger("xenops_cpu")
        theirs.handlers, theirs.propagate = list(ours.handlers), False
        attributes = {"service.name": "xenops_cpu", "service.version": __version__}
        if host:
            attributes["host.id"] = host
        self._provider = TracerProvider(resource=Resource.create(attributes))
        exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + _PATH, timeout=5)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("xenops_cpu", __version__)
        self._extract = TraceContextTextMapPropagator().extract
        self._server = trace.SpanKind.SERVER
        self._failed = trace.Status(trace.StatusCode.ERROR)

    def called(self, method: str, tag: str, seconds: float, debug_info: str) -> None:
        """A call was answered just now, in so many seconds, with an error of `tag` or without."""
        task, traceparent = split_debug_info(debug_info)
        end = time.time_ns()
        attributes: dict[str, Any] = {"rpc.system": "xapi", "rpc.method": method}
        if task:
            attributes["xapi.task"] = task[:200]
        if tag:
            attributes["error.type"] = tag
        span = self._tracer.start_span(
            method,
            context=self._extract({"traceparent": traceparent}) if traceparent else None,
            kind=self._server,
            attributes=attributes,
            start_time=end - int(seconds * 1e9),
        )
        if tag:
            span.set_status(self._failed)
        span.end(end)

    def stop(self) -> None:
        """Send what has not been sent yet, for two seconds at the most."""
        self._provider.force_flush(_STOP_MILLISECONDS)
        self._provider.shutdown()
