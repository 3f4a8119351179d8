"""Reads hark's history as other engines see it, and prints what each of them found as one JSON object.

    read_history.py DATA/history

The engines are delta-rs (the deltalake package, with pyarrow), Polars and DuckDB; each counts events, adds up the
cells of the whole traffic by metric, and works out the 95th percentile of response_time from the cells' buckets:
bucket `i` counts the values in (2^(i/64), 2^((i+1)/64)]. Needs deltalake, pyarrow, polars and duckdb.
"""

import argparse
import json
import pathlib
import sys

import deltalake
import duckdb
import polars
import pyarrow.compute

SHARE = 0.95
# The first bucket up to which there are enough, and of it the middle in the logarithm.
P95 = f"""
    with pairs as (
        select unnest(buckets) as bucket, unnest(counts) as times from cells
        where metric = 'response_time' and slice = 'total'),
    summed as (select bucket, sum(times) as times from pairs group by bucket),
    running as (
        select bucket, sum(times) over (order by bucket) as up_to, sum(times) over () as of_all from summed)
    select pow(2, (min(bucket) + 0.5) / 64) from running where up_to >= {SHARE} * of_all
"""


def of_deltalake(events, cells):
    read = events.to_pyarrow_table(columns=["id"])
    totals = cells.to_pyarrow_table(columns=["metric", "slice", "count"])
    of_all = totals.filter(pyarrow.compute.field("slice") == "total")
    summed = of_all.group_by("metric").aggregate([("count", "sum")]).to_pylist()
    return {
        "version": deltalake.__version__,
        "rows": read.num_rows,
        "ids": len(read["id"].unique()),
        "cells": {row["metric"]: row["count_sum"] for row in summed},
    }


def of_polars(events, cells):
    counted = polars.scan_delta(events).select(polars.len(), ids=polars.col("id").n_unique()).collect().row(0)
    total = polars.scan_delta(cells).filter(polars.col("slice") == "total")
    summed = total.group_by("metric").agg(polars.col("count").sum()).collect()
    buckets = (
        total.filter(polars.col("metric") == "response_time")
        .select("buckets", "counts")
        .explode("buckets", "counts")
        .group_by("buckets")
        .agg(polars.col("counts").sum())
        .sort("buckets")
        .with_columns(up_to=polars.col("counts").cum_sum())
        .filter(polars.col("up_to") >= SHARE * polars.col("counts").sum())
        .collect()
    )
    return {
        "version": polars.__version__,
        "rows": counted[0],
        "ids": counted[1],
        "cells": dict(summed.iter_rows()),
        "p95": 2 ** ((buckets["buckets"][0] + 0.5) / 64),
    }


def of_duckdb(events, cells):
    connection = duckdb.connect()
    # Without a network the extension is there only where it was installed before; the files are Parquet in any case.
    try:
        connection.execute("load delta")
        reader = "the delta extension"
        sources = [f"delta_scan('{table.table_uri}')" for table in (events, cells)]
    except duckdb.Error:
        reader = "the files that the log names"
        sources = [f"read_parquet({table.file_uris()}, union_by_name=true)" for table in (events, cells)]
    for name, source in zip(("events", "cells"), sources):
        connection.execute(f"create view {name} as select * from {source}")
    rows, ids = connection.execute("select count(*), count(distinct id) from events").fetchone()
    summed = "select metric, sum(count)::bigint from cells where slice = 'total' group by metric"
    return {
        "version": duckdb.__version__,
        "reader": reader,
        "rows": rows,
        "ids": ids,
        "cells": dict(connection.execute(summed).fetchall()),
        "p95": connection.execute(P95).fetchone()[0],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    paths = [str(folder / name) for name in ("events", "cells_minute")]
    tables = [deltalake.DeltaTable(path) for path in paths]
    found = {"deltalake": of_deltalake(*tables), "polars": of_polars(*paths), "duckdb": of_duckdb(*tables)}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
