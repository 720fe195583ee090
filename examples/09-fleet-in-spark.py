#!/usr/bin/env python3
"""The level of every pool of a fleet, in one statement of Spark SQL.

    pip install 'xenops_cpu[fleet]' pyspark
    xenops-cpu fleet export @sources.txt --output fleet.parquet
    examples/09-fleet-in-spark.py fleet.parquet

Prints pool, guest type, hosts and level. On a cluster, xenops_cpu has to be installed where Spark's
Python runs. A file of JSON lines will do as well.
"""

import sys

from pyspark.sql import SparkSession

import xenops_cpu


def level(in_all, in_any, length, count, releases, assumed):
    """The last step, as Spark calls it for each pool."""
    return str(xenops_cpu.settle(in_all, in_any, length, count, releases, assumed).featureset)


def main(path):
    spark = SparkSession.builder.appName("levels").getOrCreate()
    fleet = spark.read.parquet(path) if path.endswith(".parquet") else spark.read.json(path)
    fleet.createOrReplaceTempView("fleet")
    spark.udf.register("level", level, "string")
    rows = spark.sql(
        "SELECT pool, guest, count, level(in_all, in_any, length, count, releases, assumed)"
        f"  FROM ({xenops_cpu.fleet_query('spark')}) ORDER BY pool, guest"
    )
    for row in rows.collect():
        print(*row)
    spark.stop()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
