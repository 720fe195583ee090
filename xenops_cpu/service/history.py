"""HOST.get_cpu_info_history, answered out of what the recorder keeps."""

from __future__ import annotations

from collections.abc import Callable

from ..history.entry import Entry
from ..history.recorder import Recorder
from ..history.times import text_of
from ..interface import HostChange, HostHistory

History = Callable[[int, float], HostHistory]


def history_of(recorder: Recorder) -> History:
    """A function from the last number that a caller knows, and seconds to wait, to the answer."""

    def history(last: int, seconds: float) -> HostHistory:
        entries = recorder.wait(last, seconds) if seconds else recorder.entries(last)
        newest = entries[-1].id if entries else recorder.newest
        return HostHistory(entries=[change_of(entry) for entry in entries], last=newest)

    return history


def change_of(entry: Entry) -> HostChange:
    """The contract's record of an entry."""
    around = entry.surroundings
    return HostChange(
        id=entry.id,
        source=entry.source,
        first_seen=text_of(entry.first_seen),
        last_seen=text_of(entry.last_seen),
        xen=entry.xen,
        commandline=entry.commandline,
        microcode=around.microcode,
        bios=around.bios,
        build=around.build,
        program=entry.program,
        digest=entry.digest,
        changes=list(entry.changes),
        causes=list(entry.causes),
    )
