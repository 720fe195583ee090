"""The files of data/, through the loader of this package: importlib.resources costs a command ten
milliseconds, and the loader reads out of a zip just as well (PEP 302, get_data).
"""

from __future__ import annotations

import os
from typing import Any

_FOLDER = os.path.join(os.path.dirname(__file__), "data")


def read_text(name: str) -> str:
    """A file of UTF-8 by its path below data/: `features/4.17.json`. Raises OSError."""
    return read(name).decode()


def read(name: str) -> bytes:
    """A file as it is. Raises OSError."""
    loader: Any = __spec__.loader
    content: bytes = loader.get_data(os.path.join(_FOLDER, *name.split("/")))
    return content
