"""The real worker where Horovod cannot be imported."""

from __future__ import annotations

import sys

from dbx_dl.train.worker import main

if __name__ == "__main__":
    sys.modules["horovod"] = None  # type: ignore[assignment]
    main(sys.argv[1])
