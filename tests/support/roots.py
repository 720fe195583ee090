"""A root folder with the files of Linux that a test is about."""

from __future__ import annotations

from pathlib import Path


def files(root: Path, **texts: str | bytes) -> Path:
    """A root folder with these files; "__" stands for "/"."""
    for name, text in texts.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root
