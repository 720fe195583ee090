"""Files that commands write: whole or not at all, with the old file's owner and mode."""

import errno
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from xenops_cpu.cli import Failure
from xenops_cpu.cli.output_files import create_file, write_file

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


def left_over(folder: Path) -> list[str]:
    return [item.name for item in folder.iterdir() if item.name.startswith(".xenops")]


def test_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    """As the umask says, and nothing else is left in the folder."""
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "new", "text\n")
    finally:
        os.umask(before)
    assert (tmp_path / "new").read_text() == "text\n"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert [item.name for item in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_the_mode_is_kept(tmp_path: Path, mode: int) -> None:
    """What nobody else could read stays so."""
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(mode)
    write_file(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@needs_root
def test_the_owner_is_kept(tmp_path: Path) -> None:
    """A file of another user stays theirs, with its setgid bit."""
    path = tmp_path / "file"
    path.write_text("old")
    os.chown(path, 1234, 5678)
    path.chmod(0o2640)
    write_file(path, "new")
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 5678, 0o2640)


@pytest.fixture
def folder_of_all() -> Iterator[Path]:
    """Where every user may write; pytest's own folders let nobody else in."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@needs_root
def test_an_owner_that_cannot_be_kept(folder_of_all: Path) -> None:
    """Then nothing is written, and the sentence says why."""
    path = folder_of_all / "file"
    path.write_text("old")
    path.chmod(0o666)
    program = (
        "import os, sys; from pathlib import Path;"
        "from xenops_cpu.cli import Failure; from xenops_cpu.cli.output_files import write_file;"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"try: write_file(Path({str(path)!r}), 'new')\n"
        "except Failure as failure: print(failure)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "it belongs to user 0, which could not be kept" in done.stdout, done.stderr
    assert path.read_text() == "old"
    assert left_over(folder_of_all) == []


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it points to is replaced, through several links and into another folder."""
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "file"
    target.write_text("old")
    (tmp_path / "there" / "second").symlink_to("file")
    (tmp_path / "first").symlink_to("there/second")
    write_file(tmp_path / "first", "new")
    assert (tmp_path / "first").is_symlink()
    assert (tmp_path / "there" / "second").is_symlink()
    assert target.read_text() == "new"


def test_a_link_to_nothing_makes_its_target(tmp_path: Path) -> None:
    """The file that the link names is made."""
    (tmp_path / "link").symlink_to("file")
    write_file(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """Through a link as well: the old text stays, and no half-written file is left beside it."""
    target = tmp_path / "file"
    target.write_text("old")
    (tmp_path / "link").symlink_to("file")
    program = (
        "import resource, signal; from pathlib import Path;"
        "from xenops_cpu.cli import Failure; from xenops_cpu.cli.output_files import write_file;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"try: write_file(Path({str(tmp_path / 'link')!r}), 'x' * 5000)\n"
        "except Failure as failure: print(failure)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "cannot write" in done.stdout, done.stderr
    assert target.read_text() == "old"
    assert left_over(tmp_path) == []


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """It stays a pipe, and whoever reads it gets the text."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write_file(path, "text")
    assert os.read(reading, 100) == b"text"
    os.close(reading)
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_an_open_file_by_its_number(tmp_path: Path) -> None:
    """/dev/fd/N is the open file, not its name: what the shell writes behind it is not lost."""
    with open(tmp_path / "file", "w") as file:
        write_file(Path(f"/dev/fd/{file.fileno()}"), "text")
    assert (tmp_path / "file").read_text() == "text"
    inode = (tmp_path / "file").stat().st_ino
    with open(tmp_path / "file", "r+") as file:
        write_file(Path(f"/dev/fd/{file.fileno()}"), "more")
    assert (tmp_path / "file").stat().st_ino == inode


@pytest.mark.parametrize("path", ["/dev/full", "/nowhere/file", "/"])
def test_what_cannot_be_written_is_said(path: str) -> None:
    """A full device, a folder that is not there, a folder: each is a sentence."""
    with pytest.raises(Failure, match=f"cannot write {path}: "):
        write_file(Path(path), "text")


def test_a_file_that_must_be_new(tmp_path: Path) -> None:
    """Nothing that has the name is touched, a link to nothing neither."""
    create_file(tmp_path / "new", "text")
    assert (tmp_path / "new").read_text() == "text"
    (tmp_path / "link").symlink_to("nothing")
    for name in ("new", "link"):
        with pytest.raises(Failure, match=f"{name} is there already; nothing is overwritten"):
            create_file(tmp_path / name, "other")
    assert (tmp_path / "new").read_text() == "text"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["link", "new"]


def test_a_new_file_on_a_full_disk(tmp_path: Path) -> None:
    """It is not there afterwards, and nothing beside it."""
    program = (
        "import resource, signal; from pathlib import Path;"
        "from xenops_cpu.cli import Failure; from xenops_cpu.cli.output_files import create_file;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"try: create_file(Path({str(tmp_path / 'new')!r}), 'x' * 5000)\n"
        "except Failure as failure: print(failure)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "cannot write" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new file is made all the same, and one that is there is not overwritten."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    create_file(tmp_path / "new", "text")
    assert (tmp_path / "new").read_text() == "text"
    with pytest.raises(Failure, match="is there already"):
        create_file(tmp_path / "new", "other")
    assert (tmp_path / "new").read_text() == "text"
    assert left_over(tmp_path) == []


def test_what_is_written_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file before it gets its name, and the folder after."""
    events: list[str] = []
    kinds = {True: "folder", False: "file"}
    sync, replace = os.fsync, os.replace

    def fsync(fd: int) -> None:
        events.append(kinds[stat.S_ISDIR(os.fstat(fd).st_mode)])
        sync(fd)

    def renamed(source: Path, target: Path) -> None:
        events.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", renamed)
    write_file(tmp_path / "file", "text")
    assert events == ["file", "name", "folder"]
