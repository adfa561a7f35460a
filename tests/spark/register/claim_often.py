"""Runs in a process of its own: claims generations of one model's ledger row again and again, and prints those won.

`python -m tests.spark.register.claim_often TABLE NUM_ATTEMPTS`; begins when a line comes on stdin.
"""

import json
import sys

from dbx_dl.config import SparkConfig
from dbx_dl.errors import RegistryError
from dbx_dl.register.ledger import Entry, Ledger
from dbx_dl.runtime.spark import open_session


def main(table: str, num_attempts: int) -> None:
    spark = open_session(SparkConfig(master="local[1]", driver_memory="512m"), "claims")
    ledger = Ledger(spark, table, "m")
    print("ready", flush=True)
    sys.stdin.readline()
    won, seen = [], Entry()
    for _ in range(num_attempts):
        try:
            claimed = ledger.claim(seen, 1, None)
            won.append(claimed.generation)
            ledger.close(claimed, "moved")
            seen = claimed
        except RegistryError:
            seen = Entry(seen.generation + 1)
    print(json.dumps(won), flush=True)
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
