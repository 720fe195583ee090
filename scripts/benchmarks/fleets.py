"""A million hosts in pools of 16, levelled by DuckDB, against a loop over words in the same run.

The loop is what a person would write first: read the rows, AND and OR each word of each host into
its pool's, and settle. It runs over the same JSON lines, those of a part of the pools, and is taken
as many times as that part is smaller. DuckDB's time has the reading of the file and the settling
of every pool in Python.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from clock import least_seconds

from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.fleet import files, queries
from xenops_cpu.fleet.row import WORD_COLUMNS, Row, rows
from xenops_cpu.fleet.settling import settle
from xenops_cpu.hosts.offer import Offer
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.member import Member

HOSTS, POOL, PART = 1_000_000, 16, 20_000


def measure() -> Iterator[dict[str, object]]:
    """Rows for scripts/bench: name, unit, figure, the loop's figure, ratio, aim."""
    try:
        import duckdb
        import pyarrow  # noqa: F401 - Parquet is written by it
    except ImportError as error:
        print(f"fleets: {error}; install what requirements/engines.txt names", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"fleet.{name}" for name in files.FORMATS}
        for name, path in paths.items():
            with path.open("wb") as file, files.FORMATS[name](file) as write:
                for row in fleet(HOSTS):
                    write(row)
        loop = least_seconds(lambda: _loop(paths[files.JSON_LINES])) * HOSTS / PART
        for name, path in paths.items():

            def by_duckdb(path: Path = path) -> int:
                with duckdb.connect() as connection:
                    connection.execute(f"CREATE VIEW fleet AS FROM '{path}'")
                    reductions = connection.execute(queries.duckdb()).fetchall()
                return len([settle(*values) for _, _, *values, _ in reductions])

            yield {
                "name": f"1,000,000 hosts, DuckDB, {name}",
                "unit": "s",
                "service": (ours := least_seconds(by_duckdb)),
                "peer": "a loop over words",
                "peer_figure": loop,
                "ratio": ours / loop,
                "aim": "<= 0.5",
            }


def fleet(count: int) -> Iterator[Row]:
    """Rows of what HVM guests get at boot; no two hosts need be alike."""
    xen, chance = release("4.19"), random.Random(7)
    full = (1 << xen.length * 32) - 1
    for number in range(count):
        boot = Featureset(full & ~(1 << chance.getrandbits(9)), xen.length)
        offers = {GuestType.HVM: Offer(GuestType.HVM, boot, boot)}
        member = Member(f"host-{number}", "GenuineIntel", xen, offers)
        table = rows(member, f"pool-{number // POOL}", "made")
        yield next(row for row in table if (row["guest"], row["kind"]) == ("hvm", "boot"))


def _loop(path: Path) -> int:
    """Levels of the first pools, row for row and word for word."""
    pools: dict[str, dict[str, Any]] = {}
    with path.open() as lines:
        for line in islice(lines, PART):
            row = json.loads(line)
            words = [row[name] for name in WORD_COLUMNS]
            pool = pools.get(row["pool"])
            if pool is None:
                pools[row["pool"]] = {
                    "in_all": words,
                    "in_any": list(words),
                    "length": row["length"],
                    "count": 1,
                    "releases": {row["release"]},
                }
                continue
            for index, word in enumerate(words):
                pool["in_all"][index] &= word
                pool["in_any"][index] |= word
            pool["length"] = max(pool["length"], row["length"])
            pool["count"] += 1
            pool["releases"].add(row["release"])
    return len([settle(**pool) for pool in pools.values()])
