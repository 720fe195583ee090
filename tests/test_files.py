"""Files: read without waiting and with an end; what a path is, said."""

import ast
import io
import os
import pty
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import xenops_cpu
from xenops_cpu import files
from xenops_cpu.files import FileError, reading

PACKAGE = Path(xenops_cpu.__file__).parent


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PIPE_SECONDS", 0.05)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.fixture
def stdin() -> Iterator[int]:
    """Standard input as the end of a pipe; the number is the pipe's other end."""
    before = os.dup(0)
    end, other = os.pipe()
    os.dup2(end, 0)
    os.close(end)
    yield other
    os.dup2(before, 0)
    os.close(before)


def test_a_file_of_just_the_limit(tmp_path: Path) -> None:
    """So many bytes are read, one more is refused, and the error names file and limit."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 2048)
    assert files.read(path, 2048) == b"x" * 2048
    assert files.head(path, 3) == b"xxx"
    with pytest.raises(FileError, match=rf"^cannot read {path}: larger than 1 KiB$"):
        files.read(path, 1024)


def test_lines(tmp_path: Path) -> None:
    """They come one by one; too long a line, and too many bytes, are refused where they are."""
    path = tmp_path / "file"
    path.write_bytes(b"one\ntwo\n\nfour5")
    assert list(files.lines(path, 100, 100)) == [b"one\n", b"two\n", b"\n", b"four5"]
    some: list[bytes] = []
    with pytest.raises(FileError, match="line 4 has more than 4 bytes"):
        some.extend(files.lines(path, 100, 4))
    with pytest.raises(FileError, match="larger than 6 bytes"):
        list(files.lines(path, 6, 100))


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "it is a folder"), ("/dev/zero", "it is a device"), ("/dev/null", "it is a device")],
)
@pytest.mark.parametrize("pipes", [False, True])
def test_what_is_no_file_is_named(path: str, kind: str, pipes: bool) -> None:
    """A folder or a device is not opened, whoever names it."""
    with pytest.raises(FileError, match=kind):
        files.read(path, 10, pipes=pipes)


def test_a_socket_is_named(tmp_path: Path) -> None:
    """It is no file either."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        with pytest.raises(FileError, match="it is a socket"):
            files.read(tmp_path / "s", 10, pipes=True)


@pytest.mark.parametrize(
    ("path", "words"), [("/no/file", "No such file"), ("a\0b", "null (byte|character)")]
)
def test_what_is_not_there(path: str, words: str) -> None:
    """The system's own words, and its number."""
    with pytest.raises(FileError, match=words) as error:
        files.read(path, 10)
    assert error.value.errno == (2 if path == "/no/file" else 0)


def test_a_fifo_where_files_are_wanted(fifo: Path) -> None:
    """It is refused at once, with or without somebody who writes."""
    with pytest.raises(FileError, match=r"it is a FIFO \(a pipe\); a file is read"):
        files.read(fifo, 10)


def test_a_file_that_becomes_a_fifo(
    tmp_path: Path, fifo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first look and the opening: it is seen, and nobody waits."""
    file = tmp_path / "file"
    file.touch()
    status = os.stat(file)
    monkeypatch.setattr(os, "stat", lambda *_: status)
    with pytest.raises(FileError, match="it is a FIFO"):
        files.read(fifo, 10)


def test_a_fifo_that_somebody_writes(fifo: Path) -> None:
    """Where pipes are wanted it is read to its end, also where the writer takes its time."""

    def feed() -> None:
        with fifo.open("wb", buffering=0) as file:
            file.write(b"first ")
            time.sleep(0.02)
            file.write(b"x" * 100_000)

    feeder = threading.Thread(target=feed)
    feeder.start()
    data = files.read(fifo, 200_000, pipes=True)
    feeder.join()
    assert data == b"first " + b"x" * 100_000


@pytest.mark.usefixtures("impatient")
def test_a_fifo_that_nobody_writes(fifo: Path) -> None:
    """It is given up after some seconds."""
    with pytest.raises(FileError, match=r"nothing came for 0\.05 s"):
        files.read(fifo, 10, pipes=True)


@pytest.mark.usefixtures("impatient")
def test_a_writer_who_stops(fifo: Path) -> None:
    """What stays open and gives no more is given up as well."""
    writing = os.open(fifo, os.O_RDWR)
    os.write(writing, b"some")
    with pytest.raises(FileError, match="nothing came"):
        files.read(fifo, 10, pipes=True)
    os.close(writing)


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/proc/self/fd/0"])
def test_standard_input(stdin: int, name: str) -> None:
    """`-` and what stands for it; a name alone is no standard input where files are wanted."""
    os.write(stdin, b"text")
    os.close(stdin)
    with pytest.raises(FileError):
        files.read(name, 10)
    assert files.read(name, 10, pipes=True) == b"text"


def test_standard_input_that_never_ends(stdin: int) -> None:
    """The limit ends it."""
    with open("/dev/zero", "rb") as zeros:
        os.dup2(zeros.fileno(), 0)
    with pytest.raises(FileError, match="larger than 1 MiB"):
        files.read("-", 1 << 20, pipes=True)
    os.close(stdin)


@pytest.mark.usefixtures("impatient", "stdin")
def test_a_person_may_take_time() -> None:
    """What is typed is waited for."""
    controller, terminal = pty.openpty()
    os.dup2(terminal, 0)

    def type_in() -> None:
        time.sleep(0.2)
        os.write(controller, b"typed\n\x04")

    typist = threading.Thread(target=type_in)
    typist.start()
    assert files.read("-", 100, pipes=True) == b"typed\n"
    typist.join()
    os.close(controller)
    os.close(terminal)


def test_a_pipe_of_the_shell() -> None:
    """<(command) is read, as the name of an open pipe."""
    program = (
        "import sys; from xenops_cpu import files; print(files.read(sys.argv[1], 99, pipes=True))"
    )
    done = subprocess.run(
        ["bash", "-c", 'exec "$0" -c "$1" <(sleep 0.05; echo text)', sys.executable, program],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == "b'text\\n'\n", done.stderr


def test_an_opened_file_can_be_sought_in(tmp_path: Path) -> None:
    """A file can, a pipe cannot: readers that seek ask."""
    (tmp_path / "file").write_bytes(b"0123456789")
    with files.opened(tmp_path / "file") as file:
        file.seek(-2, io.SEEK_END)
        assert (file.seekable(), file.read()) == (True, b"89")


def test_nothing_is_left_open(fifo: Path) -> None:
    """Neither what is read nor what is refused, nor a child inherits it."""
    before = os.listdir("/proc/self/fd")
    for path in (__file__, fifo, "/"):
        try:
            with files.opened(path) as file:
                assert not os.get_inheritable(file.fileno())
        except FileError:
            pass
    assert os.listdir("/proc/self/fd") == before


# What else opens a path, and why that may be.
OTHERS = {
    ("transports/unix_socket.py", "_lock"): "makes the file that it locks",
    ("log/handler.py", "_output"): "writes to what it was started with, by its number",
    ("history/damage.py", "lock"): "makes the file that it locks",
    ("history/store.py", "_opened"): "makes the file that SQLite opens",
    (
        "daemon/metrics/file.py",
        "write",
    ): "writes, whole or not at all; after a crash nobody needs it",
    ("xapi/tls.py", "_keep"): "adds a line to a file of its own",
    ("cli/gate.py", "give_up"): "the null device, in the place of a stream",
    ("cli/gate.py", "at_the_output"): "the null device, in the place of a stream",
    ("cli/main.py", "_quietly"): "the null device, in the place of a stream",
    ("sources/libxc_build.py", "builder"): "runs while the package is built: the system's headers",
    ("sources/libxc_build.py", "_refused"): "runs while the package is built: a file of its own",
    ("daemon/helper.py", "_answer"): "a memory file, by its number",
    ("daemon/helper.py", "_give_way"): "writes to its own file in /proc",
}


OPENERS = ("open", "read_text", "read_bytes", "write_text", "write_bytes")


def opening(tree: ast.AST) -> Iterator[tuple[str, int, str]]:
    """Function, line and text of each call that may open a path; package data are no paths."""
    for function in ast.walk(tree):
        body = function if isinstance(function, ast.FunctionDef) else None
        if body is None:
            continue
        for node in ast.walk(body):
            if isinstance(node, ast.Call) and opens(node.func):
                yield body.name, node.lineno, ast.unparse(node)


def opens(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name not in OPENERS:
        return False
    receiver = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
    return receiver != "data_files" and "resources.files(" not in receiver


def test_only_one_module_opens_paths() -> None:
    """Everything else asks it, so that nothing forgets what a name may stand for."""
    others = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        text = path.read_text()
        if name.startswith("files/") or not any(f"{opener}(" in text for opener in OPENERS):
            continue
        for function, line, call in opening(ast.parse(text)):
            others.add((name, function, line, call))
    listed = {(name, function) for name, function, _, _ in others}
    assert [o for o in others if (o[0], o[1]) not in OTHERS] == []
    assert OTHERS.keys() - listed == set()
