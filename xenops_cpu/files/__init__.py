"""Files, opened and written in one way: read without ever waiting for nobody and never without an
end, written whole or not at all. Nothing else in this package opens a path.
"""

from ..errors import FileError
from ..text import STDIN
from .reading import device, head, lines, opened, read, read_all
from .replacing import create, write, writing
from .texts import check, decoded

__all__ = [
    "STDIN",
    "FileError",
    "check",
    "create",
    "decoded",
    "device",
    "head",
    "lines",
    "opened",
    "read",
    "read_all",
    "write",
    "writing",
]
