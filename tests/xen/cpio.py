"""An initramfs archive (newc format, Linux: Documentation/driver-api/early-userspace)."""

from __future__ import annotations

import stat
from pathlib import Path


class Cpio:
    """Entries in the order in which they are added; folders above an entry come by themselves."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._made: set[str] = set()
        self._number = 0

    def file(self, name: str, content: bytes, mode: int = 0o644) -> None:
        self._parents(name)
        self._entry(name, stat.S_IFREG | stat.S_IMODE(mode), content)

    def symlink(self, name: str, target: str) -> None:
        self._parents(name)
        self._made.add(name)
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def directory(self, name: str) -> None:
        self._parents(f"{name}/")

    def device(self, name: str, major: int, minor: int) -> None:
        self._parents(name)
        self._entry(name, stat.S_IFCHR | 0o600, b"", (major, minor))

    def tree(self, name: str, folder: Path) -> None:
        """All files below a folder."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                inside = path.relative_to(folder).as_posix()
                self.file(f"{name}/{inside}", path.read_bytes(), path.stat().st_mode)

    def content(self) -> bytes:
        trailer = _newc_header(0, 0, b"", "TRAILER!!!", (0, 0)) + _padded(b"TRAILER!!!\0", 110)
        return b"".join(self._parts) + trailer

    def _parents(self, name: str) -> None:
        parts = name.split("/")[:-1]
        for end in range(1, len(parts) + 1):
            parent = "/".join(parts[:end])
            if parent not in self._made:
                self._made.add(parent)
                self._entry(parent, stat.S_IFDIR | 0o755, b"")

    def _entry(
        self, name: str, mode: int, content: bytes, device: tuple[int, int] = (0, 0)
    ) -> None:
        self._number += 1
        self._parts.append(_newc_header(self._number, mode, content, name, device))
        self._parts.append(_padded(name.encode() + b"\0", 110))
        self._parts.append(_padded(content, 0))


def _newc_header(
    number: int, mode: int, content: bytes, name: str, device: tuple[int, int]
) -> bytes:
    numbers = (
        number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name.encode()) + 1, 0,
    )  # fmt: skip
    return b"070701" + b"".join(b"%08X" % value for value in numbers)


def _padded(content: bytes, before: int) -> bytes:
    """To the next multiple of four, counted from where the header began."""
    return content + b"\0" * (-(before + len(content)) % 4)
