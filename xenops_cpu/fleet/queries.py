"""The SQL that reduces the hosts of each pool to what settle takes, in the engines' own words.

Both read a table or view named fleet, with the rows of row.py, and give a row for each pool and
guest type. Hosts without words (`length` 0) count with their release only. `vendors` is for people:
no level lets a VM move between vendors.
"""

from __future__ import annotations

from typing import Final

from .error import FleetError
from .row import BOOT, WORD_COLUMNS

_DUCKDB = f"""\
SELECT pool, guest,
       list_value(*COLUMNS('^in_all[0-9]+$')) AS in_all,
       list_value(*COLUMNS('^in_any[0-9]+$')) AS in_any,
       length, count, releases, assumed, vendors
  FROM (SELECT pool, guest,
               bit_and(COLUMNS('^w([0-9]+)$')) FILTER (length > 0) AS 'in_all\\1',
               bit_or(COLUMNS('^w([0-9]+)$')) FILTER (length > 0) AS 'in_any\\1',
               max(length) AS length,
               count(*) FILTER (length > 0) AS count,
               list(DISTINCT release) FILTER (certain) AS releases,
               list(DISTINCT release) FILTER (NOT certain) AS assumed,
               list(DISTINCT vendor) FILTER (length > 0 AND vendor <> '') AS vendors
          FROM fleet
         WHERE kind = '{BOOT}'
         GROUP BY pool, guest)
"""


def duckdb() -> str:
    """For DuckDB: words by a pattern, as a file has them."""
    return _DUCKDB


def spark() -> str:
    """For Spark SQL, which has no pattern for columns."""
    return f"""\
SELECT pool, guest,
       {_array("bit_and")} AS in_all,
       {_array("bit_or")} AS in_any,
       max(length) AS length,
       count(*) FILTER (WHERE length > 0) AS count,
       collect_set(release) FILTER (WHERE certain) AS releases,
       collect_set(release) FILTER (WHERE NOT certain) AS assumed,
       collect_set(vendor) FILTER (WHERE length > 0 AND vendor <> '') AS vendors
  FROM fleet
 WHERE kind = '{BOOT}'
 GROUP BY pool, guest
"""


def _array(function: str) -> str:
    items = (f"{function}({word}) FILTER (WHERE length > 0)" for word in WORD_COLUMNS)
    return "array(" + ",\n             ".join(items) + ")"


QUERIES: Final = {"duckdb": duckdb, "spark": spark}


def fleet_query(engine: str) -> str:
    """The SQL that reduces the hosts of each pool of a table `fleet` to what settle takes.

    `engine`: duckdb or spark. Without a semicolon, so that it can stand in another statement.
    Columns: pool, guest, and the parameters of settle by their names; vendors. Raises FleetError.
    """
    if engine not in QUERIES:
        raise FleetError(f'"{engine}" is no engine that there is a query for: {", ".join(QUERIES)}')
    return QUERIES[engine]()
