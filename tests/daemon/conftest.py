"""Daemons for the tests here, stopped when a test is over."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.test_daemon import Daemon


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Starts a daemon with options and a configuration that is not the machine's own."""
    started: list[Daemon] = []

    def make(*options: str, config: str = "") -> Daemon:
        (tmp_path / "conf").write_text(config)
        places = ("--config", str(tmp_path / "conf"), "--config-dir", str(tmp_path / "conf.d"))
        daemon = Daemon(tmp_path, *places, *options)
        started.append(daemon)
        return daemon

    yield make
    for daemon in started:
        if daemon.process.poll() is None:
            daemon.stop()
        elif daemon.process.stdout is not None:
            daemon.process.stdout.close()
