"""Write the first inputs of each target: `python -m tests.fuzz.seeds FOLDER [TARGET ...]`."""

from __future__ import annotations

import sys
from pathlib import Path

from .targets import TARGETS


def write(folder: Path, names: list[str]) -> None:
    for name in names or list(TARGETS):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(TARGETS[name].seeds()):
            (folder / name / f"seed-{number:02}").write_bytes(data)


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2:])
