"""Who may have a socket's path, and what becomes of it."""

import os
import socket
import stat
import threading
import time
from pathlib import Path

import pytest

from xenops_cpu.transports.unix_socket import SocketError, listening


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
        return True


def test_a_socket_is_there_while_it_is_used(tmp_path: Path) -> None:
    """It can be connected to within the block and is gone behind it."""
    path = tmp_path / "s"
    with listening(path):
        assert connects(path)
    assert list(tmp_path.iterdir()) == []


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    """A socket that nobody listens on does not stand in the way."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    assert path.exists()
    with listening(path):
        assert connects(path)


def test_a_live_socket_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """A path on which another program listens is refused, and goes on working."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(SocketError, match="already listens"), listening(path):
            pass
        assert connects(path)


def test_two_services_on_one_path_are_refused(tmp_path: Path) -> None:
    """The second of two services is told so; the first is not harmed."""
    path = tmp_path / "s"
    with listening(path):
        with pytest.raises(SocketError, match="already has the socket"), listening(path):
            pass
        assert connects(path)
        assert (tmp_path / "s.lock").exists(), "the first one's lock was taken away"


def test_many_start_and_stop_at_once(tmp_path: Path) -> None:
    """However starts and stops meet, never do two services have the path at the same time."""
    path = tmp_path / "s"
    inside = 0
    together = 0
    served = 0

    def come_and_go() -> None:
        nonlocal inside, together, served
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            try:
                with listening(path):
                    inside += 1
                    together = max(together, inside)
                    served += 1
                    inside -= 1
            except SocketError:
                pass

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served > 1
    assert together == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    """A file on the path is neither deleted nor served."""
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(SocketError, match="is no socket"), listening(path):
        pass
    assert path.read_text() == "precious"
    assert [item.name for item in tmp_path.iterdir()] == ["s"]  # and no lock file either


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_mode_and_group(tmp_path: Path, mode: int) -> None:
    """The socket has the mode and the group that were asked for."""
    path = tmp_path / "s"
    with listening(path, mode, str(os.getgid())):
        found = path.stat()
        assert stat.S_IMODE(found.st_mode) == mode
        assert found.st_gid == os.getgid()


def test_a_path_that_cannot_be_had_is_explained(tmp_path: Path) -> None:
    """No folder and a path too long are each an error in words."""
    with pytest.raises(SocketError, match="no folder"), listening(tmp_path / "no" / "s"):
        pass
    with pytest.raises(SocketError, match="too long"), listening(tmp_path / ("s" * 120)):
        pass


@pytest.mark.parametrize("group", ["nobody-at-all", "²", "99999999999", "-1", ""])
def test_a_group_that_is_none_is_refused(tmp_path: Path, group: str) -> None:
    """A group that cannot be, by name or by number, is an error in words; nothing is left."""
    refused = pytest.raises(SocketError, match=f"no group '{group}'")
    with refused, listening(tmp_path / "s", group=group):
        pass
    assert not (tmp_path / "s").exists()


def test_a_socket_put_in_our_place_is_not_removed(tmp_path: Path) -> None:
    """Only the socket that was made here is taken away at the end."""
    path = tmp_path / "s"
    with listening(path):
        path.unlink()
        path.write_text("somebody else's")
    assert path.read_text() == "somebody else's"
