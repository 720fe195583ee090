"""xenops_cpu.inputs.nearest: what a mistyped name may have been meant as."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_cli import run
from xenops_cpu.inputs import InputError, nearest, resolve
from xenops_cpu.inputs.argument import split_name


def test_the_nearest_come_first() -> None:
    """A slip of the finger, another case, a part of the name; no more than three."""
    hosts = [f"xs-{n:02}" for n in range(30)]
    assert nearest.near("XS-07", hosts)[0] == "xs-07"
    assert len(nearest.near("xs-7", hosts)) == 3
    assert nearest.near("main", ["db 'main'", "web"]) == ["db 'main'"]
    assert nearest.near("zebra", hosts) == []
    assert nearest.near("x" * 10_000, hosts) == []


def test_what_there_is() -> None:
    """So many names, those that are near first, and how many more."""
    assert nearest.listed("zebra", ["a", "b", "c"], 2) == "there are a, b and 1 more"
    assert nearest.listed("xs-1", ["b", "c", "xs-01"], 2) == "there are xs-01, b and 1 more"
    assert nearest.listed("xs-1", ["b", "c", "xs-01"]) == "there are b, c, xs-01"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("skylake-server-xen-4.17", "example:skylake-server-xen-4.17"),
        ("xeon-glod-6154@4.17", "cpu:xeon-gold-6154@4.17"),
        ("host-7", "host-7.json"),
        ("host-7.jsn", "host-7.json"),
    ],
)
def test_what_is_meant_by_an_argument(
    text: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files beside, examples and CPUs that come with the package, as they are to be typed."""
    (tmp_path / "host-7.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as raised:
        resolve(text)
    assert f"near {'is' if nearest.arguments(text)[1:] == [] else 'are'} {meant}" in str(
        raised.value
    )


def test_files_of_another_folder(tmp_path: Path) -> None:
    """They are named with their folder; a folder that is not there has none."""
    (tmp_path / "pool.xml").write_text("")
    assert nearest.arguments(str(tmp_path / "pol.xml")) == [str(tmp_path / "pool.xml")]
    assert nearest.arguments(str(tmp_path / "away" / "pool.xml")) == []


def test_names_with_blanks_and_quotes(tmp_path: Path) -> None:
    """NAME=FILE takes the names that people give VMs, where what follows is something that is
    there; a text with = that is a file, or means one of its VMs, stays whole.
    """
    path = tmp_path / "a=b.txt"
    path.write_text("")
    assert split_name(f"db 'main' (1)={path}") == ("db 'main' (1)", str(path))
    assert split_name("Z\u00fcrich 1=cpu:core-i7-4930k") == ("Z\u00fcrich 1", "cpu:core-i7-4930k")
    assert split_name(f"x={path}#db=1") == ("x", f"{path}#db=1")
    for whole in (str(path), f"{path}#x=cpu:y", "vendor: x; features: 1=2"):
        assert split_name(whole) == ("", whole)


def test_a_vm_of_a_file_that_is_nearly_named(tmp_path: Path) -> None:
    """check names the VMs that there are."""
    path = tmp_path / "vms.xml"
    row = '<row ref="r{0}" uuid="u{0}" name__label="{1}" last_boot_CPU_flags="()"/>'
    rows = "".join(row.format(n, name) for n, name in enumerate(["db%.main", "app", "web-01"]))
    path.write_text(f'<database><manifest/><table name="VM">{rows}</table></database>')
    done = run("check", "web-1", str(path))
    assert done.returncode == 3
    assert "there are db main, app, web-01" in done.stderr
