#!/usr/bin/env python3
"""The level of every pool of a fleet, in one statement of DuckDB.

    pip install 'xenops_cpu[fleet]' duckdb numpy
    xenops-cpu fleet export @sources.txt --output fleet.parquet
    examples/08-fleet-in-duckdb.py fleet.parquet

Prints pool, guest type, hosts and level. A file of JSON lines will do as well.
"""

import sys

import duckdb

import xenops_cpu


def level(in_all, in_any, length, count, releases, assumed):
    """The last step, as DuckDB calls it for each pool."""
    return str(xenops_cpu.settle(in_all, in_any, length, count, releases, assumed).featureset)


def main(path):
    with duckdb.connect() as connection:
        connection.execute("CREATE TEMP TABLE fleet AS FROM query_table($1)", [path])
        types = ["BIGINT[]", "BIGINT[]", "BIGINT", "BIGINT", "VARCHAR[]", "VARCHAR[]"]
        connection.create_function("level", level, types, "VARCHAR", null_handling="special")
        rows = connection.execute(
            "SELECT pool, guest, count, level(in_all, in_any, length, count, releases, assumed)"
            f"  FROM ({xenops_cpu.fleet_query('duckdb')}) ORDER BY pool, guest"
        )
        for row in rows.fetchall():
            print(*row)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
