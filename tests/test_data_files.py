"""Data that comes with the package, read through its loader."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import xenops_cpu
from xenops_cpu import data_files

PACKAGE = Path(xenops_cpu.__file__).parent


def test_a_file_is_read_by_its_path_below_data() -> None:
    """What is read is the file's text, in a folder below data as well."""
    for name in ("meanings.txt", "features/4.17.json"):
        assert data_files.read_text(name) == (PACKAGE / "data" / name).read_text("utf-8")


def test_a_file_that_is_missing_is_named() -> None:
    """An OSError says which file is not there."""
    with pytest.raises(OSError, match=r"no-such\.txt"):
        data_files.read_text("no-such.txt")


def test_the_package_reads_its_data_out_of_a_zip(tmp_path: Path) -> None:
    """A command run from a zip of the package prints what it prints from its folder."""
    archive = tmp_path / "xenops_cpu.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in PACKAGE.rglob("*"):
            if path.is_file() and path.suffix in (".py", ".json", ".jsonl", ".txt", ".ini"):
                packed.write(path, path.relative_to(PACKAGE.parent))
    printed = [
        subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(place)!r}); {_EXPLAIN}"],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        ).stdout
        for place in (archive, PACKAGE.parent)
    ]
    assert str(archive) in printed[0]
    assert printed[0].splitlines()[1:] == printed[1].splitlines()[1:]
    assert "Hardware lock elision" in printed[0]


_EXPLAIN = (
    "import xenops_cpu; from xenops_cpu.cli.main import main; "
    "print(xenops_cpu.__file__); sys.exit(main(['explain', 'HLE']))"
)
