"""What stands beside the service: history, hook, metrics, health, traces, the message switch.

Each part is imported when it is configured, or asked for; a service that is only called has none of
them. None may keep a caller waiting, and none may end the service.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import files
from ..hosts.host import Host
from ..limits import input_limits
from ..sources import Source, SourceError
from ..version import __version__
from ..wire.marshal import Value
from .config.keys import Config
from .metrics.measures import Measures
from .periodic import Job, Periodic

if TYPE_CHECKING:
    from ..history.entry import Entry
    from ..history.recorder import Recorder
    from ..history.surroundings import Surroundings
    from ..interface import HostHistory
    from ..transports.conversation import Reply
    from ..transports.message_switch import MessageSwitch
    from .tracing import Tracing

log = logging.getLogger(__name__)

METRICS_SECONDS = 15.0
# While somebody waits for a change the host is looked at this often.
LOOK_SECONDS = 2.0


class Counted:
    """The source, with its reads counted and its last failure known."""

    def __init__(self, source: Source, measures: Measures) -> None:
        self._source, self._measures = source, measures
        self.problem = ""

    @property
    def name(self) -> str:
        return self._source.name

    def read(self) -> Host:
        try:
            host = self._source.read()
        except SourceError as error:
            self._measures.read(success=False)
            self.problem = str(error)
            raise
        self._measures.read(success=True)
        self.problem = ""
        return host


class Companions:
    """The parts that `config` asks for. `reads_this_machine`: whether microcode, firmware and the
    like that are found here belong to the host that `source` reads."""

    def __init__(self, config: Config, source: Source, reads_this_machine: bool) -> None:
        self._config = config
        self.measures = Measures()
        self.source = Counted(source, self.measures)
        self._here = reads_this_machine
        self._look: Callable[[], object] = lambda: None
        self._lock = threading.Lock()
        self._recorder: Recorder | None = None
        self._first: Host | None = None
        self._tracing: Tracing | None = None
        self._switch: MessageSwitch | None = None
        self._periodic = Periodic()
        self._watching = Job("looking at the host", config.watch_seconds, self._watch)
        self._writing = Job("writing the metrics", METRICS_SECONDS, self._write_metrics)
        self._metrics_problem = ""
        self._stopping = False
        if config.history is not None:
            self._begin_history()
        if config.otlp_endpoint is not None:
            from .tracing import Tracing

            self._tracing = Tracing(config.otlp_endpoint, _uuid(config.inventory))

    # -- what the service tells and asks --------------------------------------------------------

    def noticed(self, host: Host) -> None:
        """A host was read that is another one than before; nobody has been answered with it."""
        self.measures.host(host)
        with self._lock:
            recorder, first = self._recorder, self._first
            if recorder is None and first is None:
                self._first = host  # one host is no history yet
                return
        (recorder or self._begin_history()).notice(host)

    def called(self, method: str, tag: str, seconds: float, debug_info: str) -> None:
        """A call was answered."""
        self.measures.called(method, tag, seconds)
        if self._tracing is not None:
            self._tracing.called(method, tag, seconds, debug_info)

    def history(self, last: int, seconds: float) -> HostHistory:
        """HOST.get_cpu_info_history. While somebody waits, the host is looked at."""
        from ..service.history import history_of

        ask = history_of(self._recorder or self._begin_history())
        end = time.monotonic() + seconds
        while True:
            left = max(end - time.monotonic(), 0.0)
            answer = ask(last, min(left, LOOK_SECONDS))
            if answer.entries or left <= LOOK_SECONDS or self._stopping:
                return answer
            self._watch()

    def metrics(self) -> str:
        """rpc.metrics: OpenMetrics text."""
        from .metrics import exposition, families

        metrics = families.families(self.measures, self._problems(), self._around("").microcode)
        return exposition.openmetrics(metrics)

    def health(self) -> dict[str, Value]:
        """rpc.health: whether all is well, and what is not."""
        problems = self._problems()
        return {
            "problems": dict(problems),
            "source": self.source.name,
            "version": __version__,
            "status": "failing" if "source" in problems else "degraded" if problems else "ok",
        }

    def metrics_page(self) -> Reply:
        """GET /metrics."""
        from .metrics.exposition import OPENMETRICS_TYPE

        return self.metrics().encode(), OPENMETRICS_TYPE

    def health_page(self) -> Reply:
        """GET /health."""
        return json.dumps(self.health()).encode() + b"\n", "application/json"

    # -- life -----------------------------------------------------------------------------------

    def start(
        self,
        look: Callable[[], object],
        switch: Callable[[bytes], bytes],
        failure: Callable[[str], bytes],
    ) -> None:
        """Begin beside a service that answers: `look` reads its host, `switch` answers a call out
        of the message switch, `failure` makes the reply that says so. Raises SwitchError."""
        self._look = look
        config = self._config
        self._begin_jobs()
        if config.use_switch:
            from ..transports.message_switch import MessageSwitch

            self._switch = MessageSwitch(config.switch_path, switch, failure, config.switch_queue)
            self._switch.start()

    def every(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        """Do this again and again as well."""
        self._periodic.add(Job(name, seconds, action))

    def apply(self, config: Config) -> None:
        """Go on with other values of what can change while the service runs."""
        self._config = config
        self._watching.seconds = config.watch_seconds
        self._begin_jobs()
        self._periodic.hurry()

    def _begin_jobs(self) -> None:
        config = self._config
        if config.history or config.change_hook or config.metrics_file:
            self._periodic.add(self._watching)
        if config.metrics_file:
            self._periodic.add(self._writing)
            self._write_metrics()

    def stopping(self) -> None:
        """Whoever waits is answered now."""
        self._stopping = True
        if self._recorder is not None:
            self._recorder.release()

    def __enter__(self) -> Companions:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping()
        if self._switch is not None:
            self._switch.stop()
        self._periodic.stop()
        if self._recorder is not None:
            self._recorder.stop()
        if self._tracing is not None:
            self._tracing.stop()

    # -- the parts ------------------------------------------------------------------------------

    def _begin_history(self) -> Recorder:
        from ..history.recorder import Recorder

        with self._lock:
            if self._recorder is not None:
                return self._recorder
            self._recorder = Recorder(
                self._config.history, self.source.name, self._around, self._changed
            )
            self._recorder.start()
            if self._first is not None:
                self._recorder.notice(self._first)
            return self._recorder

    def _around(self, vendor: str) -> Surroundings:
        from ..history import surroundings

        if not self._here:
            return surroundings.Surroundings()
        from ..sources import microcode, xen

        host = self.measures.current
        vendor = vendor or (host.processor.vendor if host else "")
        reader = xen.microcode if self.source.name == "xen" else microcode.revision
        return surroundings.read(reader(vendor))

    def _changed(self, entry: Entry) -> None:
        for cause in entry.causes[:1]:
            log.warning("the host has changed (entry %d); likely cause: %s", entry.id, cause)
        command = self._config.change_hook
        if command:
            from ..history import hook

            hook.run(hook.program(command, self._config.search_path), entry)

    def _watch(self) -> None:
        try:
            self._look()
        except Exception as error:
            log.debug("the host cannot be read: %s", error)  # said aloud where it was read
        if self._recorder is not None:
            self._recorder.look_around()

    def _write_metrics(self) -> None:
        from .metrics import exposition, families, file

        path = self._config.metrics_file
        if path is None:
            return
        metrics = families.families(self.measures, self._problems(), self._around("").microcode)
        try:
            file.write(path, exposition.prometheus(metrics))
            self._metrics_problem = ""
        except file.MetricsFileError as error:
            if not self._metrics_problem:
                log.error("%s", error)
            self._metrics_problem = str(error)

    def _problems(self) -> dict[str, Any]:
        """What is not well, by part."""
        problems = {
            "source": self.source.problem,
            "history": self._recorder.problem if self._recorder else "",
            "metrics file": self._metrics_problem,
            "message switch": ""
            if self._switch is None or self._switch.connected
            else f"not connected to {self._config.switch_path}",
        }
        return {part: text for part, text in problems.items() if text}


def _uuid(inventory: Path) -> str:
    """The host's UUID out of its inventory (INSTALLATION_UUID='...'); empty where there is none."""
    try:
        text = files.read(inventory, input_limits.CONFIGURATION_BYTES).decode(errors="replace")
    except files.FileError:
        return ""
    for line in text.splitlines():
        if line.startswith("INSTALLATION_UUID="):
            return line.partition("=")[2].strip().strip("'\"")
    return ""
