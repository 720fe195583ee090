"""`import xenops_cpu`: what is there, what it costs, how it is typed."""

from __future__ import annotations

import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import xenops_cpu
from tests import ROOT


def test_every_name_is_there_and_documented() -> None:
    """Functions and records have docstrings; dir() and `import *` have them all."""
    everything: dict[str, object] = {}
    exec("from xenops_cpu import *", everything)
    for name in xenops_cpu.__all__:
        value = getattr(xenops_cpu, name)
        assert everything[name] is value
        if inspect.isclass(value) or inspect.isfunction(value):
            assert (value.__doc__ or "").strip(), name
    assert set(xenops_cpu.__all__) <= set(dir(xenops_cpu))
    assert sorted(xenops_cpu._MODULES) == sorted(xenops_cpu.__all__)


def test_functions_say_what_they_raise() -> None:
    """Each docstring of a function names its errors."""
    for name in xenops_cpu.__all__:
        value = getattr(xenops_cpu, name)
        if inspect.isfunction(value):
            assert "Raises " in (value.__doc__ or ""), name


def test_what_was_released_is_kept() -> None:
    """Each call takes at least the parameters that it took, by the same names, in the same order,
    with the same defaults, and returns the same: programs that were written go on running.
    """
    lines = (Path(__file__).parent / "signatures.txt").read_text().splitlines()
    released = dict(line.split(" ", 1) for line in lines)
    functions = {n for n in xenops_cpu.__all__ if inspect.isfunction(getattr(xenops_cpu, n))}
    assert set(released) == functions
    for name, text in released.items():
        signature = inspect.signature(getattr(xenops_cpu, name))
        *before, returned = text.split("; ")
        parameters = list(signature.parameters.values())
        now = [f"{each.kind.name.lower()} {each}" for each in parameters]
        assert now[: len(before)] == before, name
        for added in parameters[len(before) :]:
            assert added.default is not inspect.Parameter.empty, name
        assert str(signature.return_annotation) == returned, name


def test_no_name_is_that_of_a_room() -> None:
    """Importing a room puts its name into the package: nothing of the library may be called so."""
    package = ROOT / "xenops_cpu"
    rooms = {path.stem for path in package.iterdir() if not path.name.startswith("_")}
    assert not rooms & set(xenops_cpu.__all__)


def test_what_is_not_there_is_an_attribute_error() -> None:
    """With the name, as of any module."""
    with pytest.raises(AttributeError, match="module 'xenops_cpu' has no attribute 'nope'"):
        _ = xenops_cpu.nope  # type: ignore[attr-defined]


def loaded(program: str) -> set[str]:
    """The package's modules that a program has imported."""
    show = "import sys; print(*(m for m in sys.modules if m.startswith('xenops_cpu.')))"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{show}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_it_imports_nothing_else() -> None:
    """The service, which imports the package too, pays nothing for the library."""
    assert loaded("import xenops_cpu") == {"xenops_cpu.version"}
    assert loaded("import xenops_cpu; xenops_cpu.Error") == {
        "xenops_cpu.errors",
        "xenops_cpu.version",
    }
    assert not {"xenops_cpu.front", "xenops_cpu.inputs", "xenops_cpu.fleet"} & loaded(
        "import xenops_cpu.daemon.serve"
    )


USER = """\
import xenops_cpu
from xenops_cpu import HVM, Featureset

host = xenops_cpu.read_host("example:epyc-xen-4.17")
boot: Featureset = host.offers[HVM].boot
names: list[str] = xenops_cpu.level([host, "host-7.json"], "pv").names
reveal_type(xenops_cpu.check("new", host).verdict)
xenops_cpu.level(17)
xenops_cpu.nope
"""


@pytest.mark.slow
@pytest.mark.parametrize("install", ["editable", "wheel"])
def test_a_user_is_typed(install: str, tmp_path: Path) -> None:
    """mypy --strict sees the types of the library, whether a checkout is installed as editable or
    the wheel is: what is right passes, what is wrong is found.
    """
    python = str(tmp_path / "venv" / "bin" / "python")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    locked = str(ROOT / "requirements" / "run.txt")
    subprocess.run([*pip, "--require-hashes", "--no-deps", "-r", locked], check=True)
    checkout = tmp_path / "checkout"  # building writes into it
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".*", "build", "tests"))
    if install == "wheel":
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", str(checkout)]
        subprocess.run(build, check=True, capture_output=True)
        (wheel,) = (checkout / "dist").glob("*.whl")
        subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
    else:
        flags = ["--no-deps", "--no-build-isolation", "--editable"]
        subprocess.run([*pip, *flags, str(checkout)], check=True)
    (tmp_path / "user.py").write_text(USER)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "user.py"]
    places = ["--python-executable", python, "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [*mypy, *places], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith("Found")]
    assert len(lines) == 3, done.stdout + done.stderr
    assert 'Revealed type is "xenops_cpu.interface.variants.Verdict"' in lines[0]
    assert "user.py:8: error" in lines[1]
    assert "arg-type" in lines[1]
    assert 'Module has no attribute "nope"' in lines[2]
