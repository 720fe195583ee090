"""The recorder: what it keeps while the service answers, and whom it tells."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.history.test_store import HOST, without
from tests.support.waiting import eventually
from xenops_cpu.history import recorder as module
from xenops_cpu.history import store
from xenops_cpu.history.entry import Entry
from xenops_cpu.history.recorder import MAX_WAITING, Recorder
from xenops_cpu.history.surroundings import Surroundings


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


@pytest.fixture
def recorders() -> Iterator[Callable[..., Recorder]]:
    """Makes recorders that are stopped at the end."""
    started: list[Recorder] = []

    def make(path: Path | None, changed: Callable[[Entry], None] = lambda entry: None) -> Recorder:
        recorder = Recorder(path, "xen", changed=changed, clock=Clock())
        recorder.start()
        started.append(recorder)
        return recorder

    yield make
    for recorder in started:
        recorder.stop()


Make = Callable[..., Recorder]


def test_noticed_is_kept_before_anybody_is_told(path: Path, recorders: Make) -> None:
    """When notice returns the entry is in the file, for another process to read."""
    recorder = recorders(path)
    recorder.notice(HOST)
    assert len(store.entries(path)) == 1
    recorder.notice(without("AVX2"))
    assert store.entries(path)[1].changes == ("featureset host has changed: lost AVX2",)
    assert recorder.entries() == store.entries(path)
    assert [entry.id for entry in recorder.entries(after=1)] == [2]


def test_what_changed_while_nobody_served(path: Path, recorders: Make) -> None:
    """The next service compares with what the last one kept, and tells of the change."""
    first = recorders(path)
    first.notice(HOST)
    first.stop()
    told: list[Entry] = []
    second = recorders(path, told.append)
    second.notice(without("AVX2"))
    eventually(lambda: told)
    assert told[0].changes == ("featureset host has changed: lost AVX2",)


def test_an_unchanged_host_tells_nobody(path: Path, recorders: Make) -> None:
    """A restart is no change; the time at which it was last seen moves on."""
    first = recorders(path)
    first.notice(HOST)
    first.stop()
    told: list[Entry] = []
    second = recorders(path, told.append)
    second.notice(HOST)
    second.notice(HOST)
    second.stop()
    assert told == []
    (entry,) = store.entries(path)
    assert entry.last_seen > entry.first_seen


def test_without_a_file(recorders: Make) -> None:
    """The history is kept in memory, with its changes, and told."""
    told: list[Entry] = []
    recorder = recorders(None, told.append)
    recorder.notice(HOST)
    recorder.notice(without("AVX2"))
    recorder.notice(without("AVX2"))
    assert [(entry.id, entry.changes) for entry in recorder.entries()] == [
        (1, ()),
        (2, ("featureset host has changed: lost AVX2",)),
    ]
    eventually(lambda: len(told) == 1)


def test_waiting_for_a_change(path: Path, recorders: Make) -> None:
    """Who waits gets the change when it comes, at once where it has come, nothing after a while."""
    recorder = recorders(path)
    recorder.notice(HOST)
    assert recorder.wait(1, 0.01) == []
    threading.Timer(0.1, recorder.notice, [without("AVX2")]).start()
    (entry,) = recorder.wait(1, 10)
    assert entry.id == 2
    assert [entry.id for entry in recorder.wait(0, 10)] == [1, 2]


def test_stopping_answers_who_waits(path: Path, recorders: Make) -> None:
    """Nobody is left waiting when the service goes."""
    recorder = recorders(path)
    threading.Timer(0.1, recorder.stop).start()
    started = time.monotonic()
    assert recorder.wait(0, 60) == []
    assert time.monotonic() - started < 30


def test_few_may_wait(path: Path, recorders: Make) -> None:
    """One more than may wait gets at once what there is."""
    recorder = recorders(path)
    threads = [threading.Thread(target=recorder.wait, args=(0, 30)) for _ in range(MAX_WAITING)]
    for thread in threads:
        thread.start()
    eventually(lambda: recorder._waiting == MAX_WAITING)
    assert recorder.wait(0, 30) == []
    recorder.stop()
    for thread in threads:
        thread.join()


def test_a_store_that_cannot_be_written(
    path: Path, recorders: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Changes are told all the same, said aloud once, and written when that goes again."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    path.mkdir()  # no file can be there
    told: list[Entry] = []
    recorder = recorders(path, told.append)
    with caplog.at_level(logging.INFO):
        recorder.notice(HOST)
        recorder.notice(without("AVX2"))
        recorder.notice(without("AVX2", "AVX"))
        assert [entry.id for entry in recorder.entries()] == [1, 2, 3]
        eventually(lambda: len(told) == 2)
        assert caplog.text.count("kept in memory, the service goes on") == 1
        path.rmdir()
        eventually(lambda: path.is_file() and len(store.entries(path)) == 3)
        eventually(lambda: "is written again" in caplog.text)
    assert [entry.changes for entry in store.entries(path)] == [
        (),
        ("featureset host has changed: lost AVX2",),
        ("featureset host has changed: lost AVX",),
    ]
    assert len(told) == 2


def test_a_slow_disk_holds_nobody_up(
    path: Path, recorders: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who has noticed a change goes on after a while; it is written when the disk comes back."""
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.05)
    go = threading.Event()
    record = store.record

    def slow(*arguments: object) -> Entry:
        go.wait(10)
        return record(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "record", slow)
    recorder = recorders(path)
    recorder.notice(HOST)
    assert "takes long" in caplog.text
    assert not path.exists()
    go.set()
    eventually(lambda: path.exists() and len(store.entries(path)) == 1)


def test_ids_only_grow(path: Path, recorders: Make) -> None:
    """After the store was lost the next change is newer than what callers have seen."""
    recorder = recorders(path)
    recorder.notice(HOST)
    recorder.notice(without("AVX2"))
    path.write_bytes(b"garbage" * 100)
    recorder.notice(without("AVX"))
    assert [entry.id for entry in recorder.wait(2, 0)] == [3]


def test_microcode_of_the_moment(path: Path) -> None:
    """What lies around is read with each change, for the vendor of the CPU."""
    vendors: list[str] = []

    def around(vendor: str) -> Surroundings:
        vendors.append(vendor)
        return Surroundings(microcode=f"{len(vendors):#x}")

    recorder = Recorder(path, "xen", around)
    recorder.start()
    recorder.notice(HOST)
    recorder.notice(without("AVX2"))
    recorder.stop()
    assert vendors == ["AuthenticAMD"] * 2
    last = store.entries(path)[-1]
    assert "microcode has changed: 0x1 → 0x2" in last.changes
    assert last.causes == ("microcode 0x1 → 0x2, loaded at a boot, by firmware or by Xen",)


@pytest.mark.parametrize("kept", [True, False])
def test_microcode_that_changes_no_set(path: Path, kept: bool) -> None:
    """Loaded while the host runs it is an entry as well; what cannot be read has not changed."""
    around = [Surroundings("0x1", "Dell", boot="this one")]
    recorder = Recorder(path if kept else None, "xen", lambda vendor: around[0])
    recorder.start()
    recorder.look_around()  # nothing was read yet
    recorder.notice(HOST)
    recorder.look_around()
    around[0] = Surroundings("0x2", "Dell", boot="this one")
    recorder.look_around()
    assert [entry.id for entry in recorder.wait(1, 30)] == [2]
    around[0] = Surroundings("", "Dell", boot="this one")
    recorder.look_around()
    recorder.stop()
    first, second = recorder.entries()
    assert first.surroundings.microcode == "0x1"
    assert second.changes == ("microcode has changed: 0x1 → 0x2",)
    assert second.causes == ("microcode 0x1 → 0x2, loaded while the host ran",)
