"""xenops_cpu.interface gives its names when they are used, and is a module like any other."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from xenops_cpu import interface


def test_every_name_is_there() -> None:
    """By attribute, by dir() and by `import *`, and it is the object of the module that has it."""
    everything: dict[str, object] = {}
    exec("from xenops_cpu.interface import *", everything)
    for name in interface.__all__:
        assert everything[name] is getattr(interface, name)
    for name, module in interface._MODULES.items():
        place = import_module(f"xenops_cpu.interface.{module}")
        assert getattr(interface, name) is getattr(place, name)
    assert set(interface.__all__) <= set(dir(interface))
    assert interface._MODULES.keys() < set(interface.__all__)


def test_what_is_not_there_is_an_attribute_error() -> None:
    """With the name, as of any module; to import it is an ImportError."""
    with pytest.raises(AttributeError, match=r"'xenops_cpu\.interface' has no attribute 'nope'"):
        _ = interface.nope  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="cannot import name 'nope'"):
        exec("from xenops_cpu.interface import nope")


def test_a_name_costs_its_own_module_only() -> None:
    """The enumerations come with the package; records and errors when the first is used."""
    program = (
        "import sys; from xenops_cpu import interface\n"
        "def loaded(): return sorted(m.rpartition('.')[2] for m in sys.modules"
        " if m.startswith('xenops_cpu.interface.'))\n"
        "before = loaded(); interface.HostStat; print(before, loaded())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['variants'] ['host', 'variants']\n"
