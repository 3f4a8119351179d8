"""Writes the same events as CSV, Parquet and Arrow IPC, and prints what is in each of them as one JSON object.

    write_events.py FOLDER --rows 200000

The files are `events.csv`, `events.parquet` and `events.arrow`. Each holds columns that metrics read and others, with
gaps in both. Needs pyarrow.
"""

import argparse
import json
import math
import pathlib
import sys

import pyarrow
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

START_MS = 1_777_636_800_000
# Fewer rows than hark would put into one chunk, so that a file has several.
ROWS_TOGETHER = 20_000


def events(rows):
    numbers = range(rows)
    times = [START_MS + number * 500 for number in numbers]
    outcomes = ["error" if number % 17 == 0 else "ok" for number in numbers]
    platforms = [["iOS", "watchOS", "HomePod, 2nd"][number % 3] for number in numbers]
    total_ms = [round(100 * math.exp(number * 7919 % 5003 / 1000), 3) for number in numbers]
    return pyarrow.table(
        {
            "time": pyarrow.array(times, pyarrow.timestamp("ms", "UTC")),
            "id": [f"turn-{number}" for number in numbers],
            "user": [f"user-{number % 1000}" for number in numbers],
            "platform": pyarrow.array(platforms).dictionary_encode(),
            "device": [None if number % 5 == 0 else f"device {number % 5}" for number in numbers],
            "outcome": outcomes,
            "total_ms": total_ms,
            "is_retry": [number % 11 == 0 for number in numbers],
            "attempt": pyarrow.array([number % 4 for number in numbers], pyarrow.int16()),
        }
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=200_000)
    given = parser.parse_args()
    table = events(given.rows)
    plain = table.set_column(3, "platform", table["platform"].cast(pyarrow.string()))
    pyarrow.csv.write_csv(plain, given.folder / "events.csv")
    pyarrow.parquet.write_table(table, given.folder / "events.parquet", row_group_size=ROWS_TOGETHER)
    pyarrow.feather.write_feather(table, given.folder / "events.arrow", chunksize=ROWS_TOGETHER)
    sent = {
        "rows": table.num_rows,
        "users": 1000,
        "errors": table["outcome"].to_pylist().count("error"),
        "with_device": table.num_rows - table["device"].null_count,
        "retries": sum(table["is_retry"].to_pylist()),
        "attempts": sum(table["attempt"].to_pylist()),
        "total_ms": math.fsum(table["total_ms"].to_pylist()),
    }
    json.dump(sent, sys.stdout)


if __name__ == "__main__":
    main()
