"""Where passwords come from, and that they are not shown."""

import os
import pty
import select
import sys
from pathlib import Path

import pytest

from xenops_cpu.xapi import credentials, url
from xenops_cpu.xapi.credentials import Credentials, Places
from xenops_cpu.xapi.errors import CredentialsError

XS1 = url.parse("xapi://reader@xs1")
UNATTENDED = Places(ask=False)


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XENOPS_CPU_PASSWORD")


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_password_is_not_shown() -> None:
    """Not in a repr."""
    assert "hunter2" not in repr(Credentials("reader", "hunter2"))


def test_the_first_line_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was named comes before the variable; blanks belong to the password."""
    monkeypatch.setenv("XENOPS_CPU_PASSWORD", "another")
    file = private(tmp_path / "password", " a pass word \r\nnot this\n")
    found = credentials.obtain(XS1, Places(password_file=file))
    assert found == Credentials("reader", " a pass word ")


def test_a_pipe_as_a_file(tmp_path: Path) -> None:
    """A pipe is nobody else's to read: <(pass show xs1) works."""
    reading, writing = os.pipe()
    os.write(writing, b"from the pipe\n")
    os.close(writing)
    try:
        found = credentials.obtain(XS1, Places(password_file=Path(f"/dev/fd/{reading}")))
    finally:
        os.close(reading)
    assert found.password == "from the pipe"


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"hunter2\n", 0o644, "others may read it .mode 644.; chmod 600"),
        (b"\nhunter2\n", 0o600, "its first line is empty"),
        (b"hunter2\xff\n", 0o600, "not UTF-8"),
        (b"x" * 70_000, 0o600, "larger than 64 KiB"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: bytes, mode: int, words: str) -> None:
    """Each with what is wrong, and without what is in it."""
    file = tmp_path / "password"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(CredentialsError, match=words) as caught:
        credentials.obtain(XS1, Places(password_file=file))
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Named with the option that named it."""
    with pytest.raises(CredentialsError, match=r"--password-file .*: No such file"):
        credentials.obtain(XS1, Places(password_file=tmp_path / "none"))


def test_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a user in the address, root's."""
    monkeypatch.setenv("XENOPS_CPU_PASSWORD", "s3cret")
    assert credentials.obtain(url.parse("xapi://xs1"), UNATTENDED) == Credentials("root", "s3cret")


def test_netrc(tmp_path: Path) -> None:
    """The entry of the host gives user and password, if it is not another user's."""
    private(
        tmp_path / ".netrc", "machine xs1 login reader password s3cret\ndefault login x password y"
    )
    assert credentials.obtain(XS1, UNATTENDED) == Credentials("reader", "s3cret")
    assert credentials.obtain(url.parse("xapi://xs1"), UNATTENDED).user == "reader"
    for other in ("xapi://root@xs1", "xapi://reader@xs2"):
        with pytest.raises(CredentialsError, match="no password for"):
            credentials.obtain(url.parse(other), UNATTENDED)


def test_a_netrc_of_another_name(tmp_path: Path) -> None:
    """The file that was named instead of ~/.netrc."""
    file = private(tmp_path / "other", "machine xs1 login reader password s3cret")
    assert credentials.obtain(XS1, Places(netrc=file, ask=False)).password == "s3cret"


def test_a_damaged_netrc_does_not_show_itself(tmp_path: Path) -> None:
    """The parser's own words would hold a part of the password."""
    private(tmp_path / ".netrc", "machine xs1 login reader password a hunter2 b\n")
    with pytest.raises(CredentialsError, match="line 1 is no netrc") as caught:
        credentials.obtain(XS1, UNATTENDED)
    assert "hunter2" not in str(caught.value)


def test_nothing_anywhere_names_all_ways() -> None:
    """The error is the documentation that a person needs then."""
    with pytest.raises(CredentialsError) as caught:
        credentials.obtain(XS1, UNATTENDED)
    for way in ("--password-file", "XENOPS_CPU_PASSWORD", "machine xs1 login reader"):
        assert way in str(caught.value)


def test_a_local_socket_needs_none() -> None:
    """xapi asks nobody who may open it."""
    found = credentials.obtain(url.parse("/var/lib/xcp/xapi"), UNATTENDED)
    assert found == Credentials("root", "")


def test_a_person_at_a_terminal_is_asked() -> None:
    """What is typed does not appear on the terminal."""
    program = (
        "from xenops_cpu.xapi import credentials, url\n"
        "found = credentials.obtain(url.parse('xapi://reader@xs1'), credentials.Places())\n"
        "print('user', found.user, len(found.password), 'letters')"
    )
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", program])
    shown = _read_until(terminal, b"password of reader on xs1: ")
    os.write(terminal, b"hunter2\n")
    shown += _read_until(terminal, b"letters")
    os.waitpid(child, 0)
    os.close(terminal)
    assert b"user reader 7 letters" in shown
    assert b"hunter2" not in shown


def _read_until(terminal: int, words: bytes) -> bytes:
    shown = b""
    while words not in shown:
        ready, _, _ = select.select([terminal], [], [], 20)
        assert ready, shown
        shown += os.read(terminal, 1000)
    return shown
