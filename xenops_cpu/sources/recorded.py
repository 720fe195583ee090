"""A host captured earlier, on this machine or another: a capture file (see capture)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from .. import data_files, files
from ..hosts import capture
from ..hosts.host import Host
from ..limits import input_limits
from . import SourceError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path


def _path(path: Path | str) -> Path:
    from pathlib import Path  # examples have none

    return Path(path)


@frozen
class Recorded:
    """Reads `path` each time, so that a capture that is replaced takes effect at once."""

    path: Path = field(converter=_path)

    @property
    def name(self) -> str:
        return f"recorded:{self.path}"

    def read(self) -> Host:
        try:
            content = files.read(self.path, input_limits.CAPTURE_BYTES)
        except files.FileError as error:
            raise SourceError(f"cannot read the capture {self.path}: {error.reason}") from error
        host = _load(content, str(self.path))
        return evolve(host, origin=f"{self.name} ({host.origin})")


def examples() -> dict[str, Traversable]:
    """The captures that come with the package, by name."""
    from importlib import resources  # lists a folder; one file is read cheaper (data_files)

    folder = resources.files("xenops_cpu").joinpath("data", "hosts")
    return {
        item.name.removesuffix(".json"): item
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith(".json")
    }


@frozen
class Example:
    """A host that comes with the package: captured from a real Xen."""

    example: str

    @property
    def name(self) -> str:
        return f"example:{self.example}"

    def read(self) -> Host:
        host = _load(_shipped(self.example), self.name)
        return evolve(host, origin=f"{self.name} ({host.origin})")


def _shipped(name: str) -> bytes:
    if "/" not in name:
        with suppress(OSError):
            return data_files.read(f"hosts/{name}.json")
    raise SourceError(f'there is no example host "{name}"; there are {", ".join(examples())}')


def _load(content: bytes, where: str) -> Host:
    try:
        return capture.load(content.decode())
    except UnicodeDecodeError as error:
        raise SourceError(f"{where} is not a capture: not UTF-8 text") from error
    except capture.CaptureError as error:
        raise SourceError(f"{where}: {error}") from error
