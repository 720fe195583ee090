"""Fuzz one target with atheris: new inputs that reach new code are kept in a folder.

    python -m tests.fuzz.run TARGET [libFuzzer's options and folders]

scripts/fuzz calls this for each target.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

# Not there but where somebody fuzzes (the extra "fuzz").
atheris: Any = importlib.import_module("atheris")

with atheris.instrument_imports(include=["xenops_cpu"]):
    from tests.fuzz.targets import TARGETS, corpus


def main() -> None:
    name = sys.argv.pop(1)
    # What is imported late is instrumented only if it is imported by now.
    with atheris.instrument_imports(include=["xenops_cpu"]):
        for path in corpus(name):
            TARGETS[name](path.read_bytes())
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
