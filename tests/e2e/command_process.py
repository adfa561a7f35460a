"""Calls `dbx-dl`, or scripts, again and again in one process: a start of Python and Spark costs more than most of them.

    python -m tests.e2e.command_process

reads a line of JSON for each call, [folder, program, arguments], where the program is `dbx-dl` or the path of a script,
and answers with one, [exit code, what it printed].
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import sys


def main() -> None:
    """Serve calls until the input ends; what goes to stderr stays there."""
    answers = sys.stdout
    for line in sys.stdin:
        folder, program, arguments = json.loads(line)
        os.chdir(folder)
        sys.argv = [program, *arguments]
        print(json.dumps(_call(program)), file=answers, flush=True)


def _call(program: str) -> tuple[int, str]:
    from dbx_dl import cli

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            cli.main() if program == "dbx-dl" else runpy.run_path(program, run_name="__main__")
        except SystemExit as ended:
            code = ended.code
            return code if isinstance(code, int) else int(code is not None), printed.getvalue()
    return 0, printed.getvalue()


if __name__ == "__main__":
    main()
