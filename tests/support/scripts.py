"""The programs in scripts/, to be called from tests."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from types import ModuleType

from tests import ROOT


def script(name: str) -> ModuleType:
    """A Python program of scripts/ as a module, not run."""
    loader = importlib.machinery.SourceFileLoader(
        name.replace("-", "_"), str(ROOT / "scripts" / name)
    )
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
