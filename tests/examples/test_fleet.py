"""examples/08 and 09: levels out of engines, the same as those of the command `level`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.cli.test_cli import run

pytestmark = pytest.mark.slow

HOSTS = ("example:skylake-server-xen-4.17", "cpu:xeon-gold-6154@4.19")


def needs_java() -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not shutil.which("java"), reason="Spark runs on Java, which is not installed"
    )


@pytest.mark.parametrize("format_", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("engine", "script"),
    [
        ("duckdb", "08-fleet-in-duckdb.py"),
        pytest.param("pyspark", "09-fleet-in-spark.py", marks=needs_java()),
    ],
)
def test_levels_of_an_engine(engine: str, script: str, format_: str, tmp_path: Path) -> None:
    """Pool, guest type, how many hosts count, and the level, for each pool of the fleet."""
    pytest.importorskip(engine)
    pytest.importorskip("pyarrow")
    path = tmp_path / f"fleet.{format_}"
    exported = run("fleet", "export", "--pool", "lab", *HOSTS, "--output", str(path))
    assert exported.returncode == 0
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / script, path],
        capture_output=True, text=True, check=False, env=environment, timeout=300,
    )  # fmt: skip
    levels = json.loads(run("level", "--json", *HOSTS).stdout)["levels"]
    assert done.stdout.splitlines() == [
        f"lab {level['guest_type']} {len(level['hosts'])} {level['featureset']}"
        for level in sorted(levels, key=lambda level: str(level["guest_type"]))
    ]
