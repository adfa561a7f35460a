"""One rank's process of a user's own function: `python -m dbx_dl.train.function_worker <directory>`.

Apart from `rank_function`, since what the driver needs would only delay the user's own imports here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dbx_dl.runtime.collector import rest_during_imports
from dbx_dl.runtime.logs import show_rank_logs
from dbx_dl.runtime.processes import end_with_parent, without_teardown
from dbx_dl.runtime.ranks import read_rank_place
from dbx_dl.train.failures import end_on_failure
from dbx_dl.train.run_directory import RunDirectory


def main(directory: str, packed: bytes | None = None) -> None:
    """Run the function that arrives on stdin as this rank; rank 0 writes its value into the directory."""
    end_with_parent()
    rest_during_imports()
    import cloudpickle

    rank = read_rank_place().rank
    files = RunDirectory(Path(directory))
    with end_on_failure(files, rank):
        show_rank_logs()
        # Code of the user's own session, which came from its driver inside the job: no file, no model, no data.
        function, kwargs = cloudpickle.loads(sys.stdin.buffer.read() if packed is None else packed)
        value = function(**kwargs)
        if rank == 0:
            from dbx_dl.train.returned_values import save_value

            save_value(value, files.value)


if __name__ == "__main__":
    with without_teardown():
        main(sys.argv[1])
