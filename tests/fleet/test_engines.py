"""The queries in the engines they are for: 20,000 made pools, settled to what `level` says.

One pool in four is of mixed releases; some hosts run no HVM guests, of some the release is assumed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleets import pools
from xenops_cpu.fleet import files, queries
from xenops_cpu.fleet.row import rows
from xenops_cpu.fleet.settling import settle
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.levelling import level
from xenops_cpu.pools.member import release_of_pool

pytestmark = pytest.mark.slow

COUNT = 20_000
SETTLED_BY = ("in_all", "in_any", "length", "count", "releases", "assumed")

Levels = dict[tuple[str, str], str]
Fleet = tuple[Path, Levels]


@pytest.fixture(scope="module", params=tuple(files.FORMATS))
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """A file of each format with the rows of all pools, and their levels by pool and guest type."""
    if request.param == files.PARQUET:
        pytest.importorskip("pyarrow")
    path = tmp_path_factory.mktemp("fleet") / f"fleet.{request.param}"
    levels = {}
    with path.open("wb") as file, files.FORMATS[request.param](file) as write:
        for name, members in pools(COUNT):
            for member in members:
                for row in rows(member, name, "made"):
                    write(row)
            xen = release_of_pool(members)
            for guest in GuestType:
                found = level([member.boot(guest) for member in members], xen)
                levels[name, guest.name.lower()] = f"{xen.name} {found}"
    return path, levels


def settled(reductions: Iterable[tuple[Any, ...]]) -> Iterator[tuple[tuple[str, str], str]]:
    for pool, guest, *values, vendors in reductions:
        assert {*(vendors or ())} <= {"GenuineIntel"}
        found = settle(**dict(zip(SETTLED_BY, values, strict=True)))
        yield (pool, guest), f"{found.release.name} {found.featureset}"


def text(
    in_all: Any, in_any: Any, length: Any, count: Any, releases: Any, assumed: Any
) -> str:  # DuckDB counts the parameters
    return str(settle(in_all, in_any, length, count, releases, assumed).featureset)


def test_duckdb(fleet: Fleet) -> None:
    """The query as it stands over JSON lines and over Parquet."""
    duckdb = pytest.importorskip("duckdb")
    path, levels = fleet
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW fleet AS FROM '{path}'")
        found = dict(settled(connection.execute(queries.duckdb()).fetchall()))
    assert len(found) == 2 * COUNT
    assert found == levels


def test_duckdb_settles_by_itself(fleet: Fleet) -> None:
    """The last step as a function of the engine, so that a level is one statement."""
    duckdb = pytest.importorskip("duckdb")
    path, levels = fleet
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW fleet AS FROM '{path}'")
        lists = ["BIGINT[]", "BIGINT[]", "BIGINT", "BIGINT", "VARCHAR[]", "VARCHAR[]"]
        connection.create_function("settle", text, lists, "VARCHAR", null_handling="special")
        statement = (
            "SELECT pool, guest, settle(in_all, in_any, length, count, releases, assumed) "
            f"FROM ({queries.duckdb()})"
        )
        found = {tuple(row[:2]): row[2] for row in connection.execute(statement).fetchall()}
    assert found == {key: level.partition(" ")[2] for key, level in levels.items()}


@pytest.mark.skipif(not shutil.which("java"), reason="Spark runs on Java, which is not installed")
def test_spark(fleet: Fleet) -> None:
    """Spark SQL on this machine, with the last step as a function of its own."""
    sql = pytest.importorskip("pyspark.sql")
    path, levels = fleet
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    spark = (
        sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .getOrCreate()
    )
    try:
        reader = spark.read.parquet if path.suffix == ".parquet" else spark.read.json
        reader(str(path)).createOrReplaceTempView("fleet")
        reductions = (tuple(row) for row in spark.sql(queries.spark()).collect())
        found = dict(settled(reductions))
    finally:
        spark.stop()
    assert found == levels
