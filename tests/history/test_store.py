"""The store: what it keeps, and what it outlives."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosts import evolve, example, names
from xenops_cpu.history import damage, store
from xenops_cpu.history.entry import StoreError
from xenops_cpu.history.fingerprint import Fingerprint
from xenops_cpu.history.surroundings import Surroundings
from xenops_cpu.hosts.host import Host

HOST = example()


def numbered(number: int) -> Fingerprint:
    """One of many fingerprints, told apart by the microcode."""
    return Fingerprint(HOST, Surroundings(microcode=f"{number:#x}", boot="b"))


def without(*features: str) -> Host:
    sets = HOST.featuresets
    gone = names(" ".join(features))
    return evolve(HOST, featuresets=evolve(sets, host=sets.host - gone))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.sqlite"


def test_what_is_kept(path: Path) -> None:
    """The first fingerprint, each that follows with what changed and why, times of both."""
    first = store.record(path, Fingerprint(HOST), "xen", 100.0)
    assert (first.id, first.first_seen, first.changes) == (1, 100.0, ())
    second = store.record(path, Fingerprint(without("AVX2")), "xen", 200.0)
    assert second.id == 2
    assert second.changes == ("featureset host has changed: lost AVX2",)
    assert second.causes[0].startswith("nothing recorded explains it")
    assert [entry.id for entry in store.entries(path, "xen")] == [1, 2]
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_same_again_is_no_entry(path: Path) -> None:
    """Only the time at which it was last seen moves."""
    store.record(path, Fingerprint(HOST), "xen", 100.0)
    again = store.record(path, Fingerprint(HOST), "xen", 500.0)
    assert (again.id, again.first_seen, again.last_seen) == (1, 100.0, 500.0)
    assert len(store.entries(path)) == 1


def test_what_comes_back_is_an_entry(path: Path) -> None:
    """A → B → A are three entries and two captures."""
    for moment, host in enumerate((HOST, without("AVX2"), HOST)):
        store.record(path, Fingerprint(host), "xen", float(moment))
    assert [entry.changes for entry in store.entries(path)] == [
        (),
        ("featureset host has changed: lost AVX2",),
        ("featureset host has changed: gained AVX2",),
    ]
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM captures").fetchone() == (2,)


def test_sources_are_kept_apart(path: Path) -> None:
    """Two services of different sources on one store: neither sees the other's as a change."""
    for moment in range(3):
        store.record(path, Fingerprint(HOST), "xen", float(moment))
        store.record(path, Fingerprint(without("AVX2")), "simulated", float(moment))
    assert [entry.source for entry in store.entries(path)] == ["xen", "simulated"]
    assert [entry.id for entry in store.entries(path, "simulated")] == [2]


def test_a_kept_host_can_be_had_again(path: Path) -> None:
    """Every entry has its whole capture."""
    store.record(path, Fingerprint(HOST), "xen", 0.0)
    store.record(path, Fingerprint(without("AVX2")), "xen", 1.0)
    assert store.host_at(path, 1) == HOST
    assert store.host_at(path, 2) == without("AVX2")
    with pytest.raises(StoreError, match="has no entry 3"):
        store.host_at(path, 3)


def test_no_store_yet(path: Path) -> None:
    """Nothing has been kept, which is no error; a capture of nothing is one."""
    assert store.entries(path) == []
    with pytest.raises(StoreError, match="unable to open"):
        store.host_at(path, 1)


def test_the_oldest_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of entries is bounded, and captures go with their last entry."""
    monkeypatch.setattr(store, "MAX_ENTRIES", 5)
    for number in range(12):
        store.record(path, numbered(number), "xen", float(number))
    assert [entry.id for entry in store.entries(path)] == [8, 9, 10, 11, 12]
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM captures").fetchone() == (5,)


def damaged_files(path: Path) -> list[Path]:
    return sorted(item for item in path.parent.iterdir() if ".damaged-" in item.name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["garbage", "cut", "zeros", "pages", "header"])
def test_a_damaged_file_is_moved_aside(
    path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said aloud, what was in it is not thrown away, and the history goes on."""
    for number in range(20):
        store.record(path, numbered(number), "xen", float(number))
    content = path.read_bytes()
    broken = {
        "garbage": b"this is not a database\n" * 100,
        "cut": content[: len(content) // 3 + 17],
        "zeros": bytes(len(content)),
        "pages": content[:4096] + random.Random(7).randbytes(len(content) - 4096),
        "header": b"\xff" * 100 + content[100:],
    }[kind]
    path.write_bytes(broken)
    entry = store.record(path, numbered(99), "xen", 99.0)
    assert entry.changes == ()
    assert [item.read_bytes() for item in damaged_files(path)] == [broken]
    assert "is damaged" in caplog.text
    assert [one.id for one in store.entries(path)] == [entry.id]


def test_damage_within_a_row(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A capture that cannot be read costs the difference to it, nothing else."""
    store.record(path, Fingerprint(HOST), "xen", 0.0)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE captures SET capture = x'00'")
        database.execute("UPDATE entries SET causes = 'no JSON'")
    entry = store.record(path, Fingerprint(without("AVX2")), "xen", 1.0)
    assert (entry.id, entry.changes) == (2, ())
    assert "what changed since cannot be told" in caplog.text
    assert store.entries(path)[0].causes == ("the store's text is damaged here",)
    with pytest.raises(StoreError, match="entry 1: the capture is damaged"):
        store.host_at(path, 1)


def test_few_damaged_files_are_kept(path: Path) -> None:
    """The newest MAX_DAMAGED of them: a disk that breaks every file does not fill."""
    path.parent.mkdir()
    for second in range(6):
        Path(f"{path}.damaged-2026010{second}T000000Z").write_text("x")
    path.write_bytes(b"garbage" * 100)
    store.record(path, Fingerprint(HOST), "xen", 0.0)
    assert len(damaged_files(path)) == damage.MAX_DAMAGED


def test_a_journal_goes_with_its_file(path: Path) -> None:
    """The journal of a damaged file is never rolled back into the new one."""
    path.parent.mkdir()
    path.write_bytes(b"garbage" * 100)
    Path(f"{path}-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(2000))
    store.record(path, Fingerprint(HOST), "xen", 0.0)
    assert not Path(f"{path}-journal").exists()
    assert len(store.entries(path)) == 1


def test_files_that_are_not_ours(path: Path) -> None:
    """Another program's database and a newer version's are left alone, and named."""
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    for attempt in (
        lambda: store.record(path, Fingerprint(HOST), "xen", 0.0),
        lambda: store.entries(path),
    ):
        with pytest.raises(StoreError, match="database of another program"):
            attempt()
    assert path.read_bytes() == before
    path.unlink()
    store.record(path, Fingerprint(HOST), "xen", 0.0)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 2")
    with pytest.raises(StoreError, match="newer version"):
        store.record(path, Fingerprint(HOST), "xen", 0.0)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    """What is no file at all is an error, and stays."""
    with pytest.raises(StoreError, match="the history"):
        store.record(tmp_path, Fingerprint(HOST), "xen", 0.0)
    assert tmp_path.is_dir()


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    """One folder is made; that its parent is missing is an error."""
    with pytest.raises(StoreError, match="No such file"):
        store.record(tmp_path / "a" / "b" / "history.sqlite", Fingerprint(HOST), "xen", 0.0)


@contextlib.contextmanager
def _small_disk(folder: Path, *options: str) -> Iterator[Path]:
    """A file system of 256 KiB of our own; needs root."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", ",".join(["size=256k", *options]), "tmpfs", str(folder)],
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("a file system can be mounted by root alone, and not in every container")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(tmp_path: Path) -> None:
    """The record fails with a sentence, what was kept stays, and it goes on when there is room."""
    with _small_disk(tmp_path / "disk") as folder:
        path = folder / "history.sqlite"
        store.record(path, numbered(0), "xen", 0.0)
        filler = folder / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

        def write_on() -> None:
            for number in range(1, 50):
                store.record(path, numbered(number), "xen", float(number))

        with pytest.raises(StoreError, match=r"full|I/O"):
            write_on()
        kept = [entry.id for entry in store.entries(path)]
        assert kept[:1] == [1]
        filler.unlink()
        assert store.record(path, numbered(99), "xen", 99.0).id == kept[-1] + 1


def test_a_read_only_file_system(tmp_path: Path) -> None:
    """What is there can be read; writing is an error with a sentence."""
    with _small_disk(tmp_path / "disk") as folder:
        path = folder / "history.sqlite"
        store.record(path, numbered(0), "xen", 0.0)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        assert len(store.entries(path)) == 1
        with pytest.raises(StoreError, match=r"readonly|unable"):
            store.record(path, numbered(1), "xen", 1.0)
        with pytest.raises(StoreError, match=r"[Rr]ead-only|unable"):
            store.record(folder / "new.sqlite", numbered(1), "xen", 1.0)


def test_a_writer_that_does_not_let_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process in the middle of a transaction is waited for, but not for ever."""
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.1)
    store.record(path, numbered(0), "xen", 0.0)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked"):
            store.record(path, numbered(1), "xen", 1.0)
    assert store.record(path, numbered(1), "xen", 1.0).id == 2


def test_two_services_on_one_store(path: Path) -> None:
    """Both write all the while; every entry is there, once, in the order of its id."""

    def service(numbers: range) -> None:
        for number in numbers:
            store.record(path, numbered(number), f"source-{numbers.start}", float(number))

    threads = [
        threading.Thread(target=service, args=(range(base, base + 20),)) for base in (0, 100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for base in (0, 100):
        revisions = [e.surroundings.microcode for e in store.entries(path, f"source-{base}")]
        assert revisions == [f"{number:#x}" for number in range(base, base + 20)]
    assert [entry.id for entry in store.entries(path)] == list(range(1, 41))


def test_two_services_see_one_change(path: Path) -> None:
    """The same change of the same source is one entry."""
    for _ in range(2):
        store.record(path, numbered(0), "xen", 0.0)
    for _ in range(2):
        store.record(path, numbered(1), "xen", 1.0)
    assert len(store.entries(path)) == 2


_WRITER = """
import sys
from pathlib import Path
from tests.history.test_store import numbered
from xenops_cpu.history import store
path, start = Path(sys.argv[1]), int(sys.argv[2])
store.MAX_ENTRIES = 10**9  # as in those who look
for number in range(start, start + 1000):
    store.record(path, numbered(number), "xen", float(number))
    print(number, flush=True)  # acknowledged
"""


def _killed_writer(path: Path, start: int, seconds: float) -> int:
    """Write from `start` on, be killed after so long; the number that follows what was said."""
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path), str(start)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = [process.stdout.readline()]  # the interpreter's start is not what is tested
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    said += process.stdout.readlines()
    process.stdout.close()
    process.wait()
    lines = [line for line in said if line.endswith("\n")]
    return int(lines[-1]) + 1 if lines else start


def _check_after_kill(path: Path, acknowledged: int) -> int:
    """Everything acknowledged is there and whole; one more may be. Its successor's number."""
    kept = [int(entry.surroundings.microcode, 16) for entry in store.entries(path, "xen")]
    assert kept == list(range(len(kept)))
    assert acknowledged <= len(kept) <= acknowledged + 1
    for id in random.sample(range(1, len(kept) + 1), min(3, len(kept))):
        assert store.host_at(path, id) == HOST
    return len(kept)


def _kill_at_random_moments(path: Path, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_ENTRIES", 10**9)
    following = 0
    for _ in range(times):
        acknowledged = _killed_writer(path, following, random.uniform(0, 0.05))
        following = _check_after_kill(path, acknowledged)
    assert damaged_files(path) == []


@pytest.mark.slow
def test_kill_at_any_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer killed in the middle loses nothing that it had acknowledged."""
    _kill_at_random_moments(path, 3, monkeypatch)


@pytest.mark.slow
def test_kill_at_two_hundred_moments(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, two hundred times on the same store."""
    _kill_at_random_moments(path, 200, monkeypatch)


def test_a_cut_at_every_write(path: Path, tmp_path: Path) -> None:
    """The power goes between any two writes of a commit: the old state or the new one is there."""
    revisions = list(range(60))
    for number in revisions[:3]:
        store.record(path, numbered(number), "xen", float(number))
    copies = _states_of_commits(path, revisions[3:], tmp_path)
    assert len(copies) >= 4
    for copy in copies:
        target = copy / path.name
        store.record(target, numbered(99), "xen", 99.0)
        *kept, last = [int(e.surroundings.microcode, 16) for e in store.entries(target)]
        assert last == 99
        assert len(kept) >= 3
        assert kept == revisions[: len(kept)]
        assert damaged_files(target) == []


def _states_of_commits(path: Path, revisions: list[int], tmp_path: Path) -> list[Path]:
    """Copies of the store's folder taken while `revisions` are recorded: four, and as many more as
    it takes on a busy machine until there are four copies.

    Another thread copies as fast as it can, journal first, and keeps what a power cut could have
    left: copies whose files did not change meanwhile.
    """
    copies: list[Path] = []
    seen: set[bytes] = set()
    done = threading.Event()

    def watch() -> None:
        journal = Path(f"{path}-journal")
        while not done.is_set():
            before = path.stat().st_mtime_ns
            try:
                log = journal.read_bytes()
            except FileNotFoundError:
                log = None
            content = path.read_bytes()
            if path.stat().st_mtime_ns != before or journal.exists() != (log is not None):
                continue
            key = content + b"|" + (log or b"")
            if key not in seen:
                seen.add(key)
                folder = tmp_path / f"copy-{len(copies)}"
                folder.mkdir()
                (folder / path.name).write_bytes(content)
                if log is not None:
                    (folder / f"{path.name}-journal").write_bytes(log)
                copies.append(folder)

    watcher = threading.Thread(target=watch)
    watcher.start()
    time.sleep(0.01)
    for count, number in enumerate(revisions, 1):
        store.record(path, numbered(number), "xen", float(number))
        if count >= 4 and len(copies) >= 4:
            break
    done.set()
    watcher.join()
    return copies


def test_the_files_are_synced(path: Path) -> None:
    """On return the commit is on the disk: the file, its journal and the folder were synced."""
    trace = path.parent.parent / "trace"
    if not os.path.exists("/usr/bin/strace"):
        pytest.skip("strace is not installed")
    subprocess.run(
        ["/usr/bin/strace", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o", str(trace),
         sys.executable, "-c", _WRITER.replace("1000", "1"), str(path), "0"],
        check=True, capture_output=True,
    )  # fmt: skip
    synced = trace.read_text()
    assert "history.sqlite>" in synced
    assert "history.sqlite-journal>" in synced
    assert f"{path.parent}>" in synced


def test_a_reader_sees_one_state_of_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is begun between two of a reader's questions is no other program's database."""
    store.record(path, Fingerprint(HOST), "xen", 100.0)
    path.write_bytes(b"")  # as the writer makes it, before its first commit
    writers: list[threading.Thread] = []

    class Slow(sqlite3.Connection):
        def execute(self, statement: str, *parameters: object) -> sqlite3.Cursor:
            cursor = super().execute(statement, *parameters)  # type: ignore[arg-type]
            if statement == "PRAGMA application_id" and not writers:
                writer = threading.Thread(
                    target=store.record, args=(path, Fingerprint(HOST), "xen", 200.0)
                )
                writers.append(writer)
                writer.start()
                writer.join(0.2)  # it is done by then, or it waits for this reader
            return cursor

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **kw: connect(*a, **kw, factory=Slow))
    assert store.entries(path) == []
    writers[0].join()
    assert [entry.first_seen for entry in store.entries(path)] == [200.0]
