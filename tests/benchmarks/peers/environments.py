"""A peer's environment, made on first use in the user's cache, and a process of it that reads epochs on demand."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path
from typing import Any

from dbx_dl.contracts import PreparedTable

ROOT = Path(__file__).parents[3]
PEERS = ("mosaicml-streaming", "deltatorch")


class PeerError(Exception):
    """Why a peer cannot take part, in one line."""


def make_environment(peer: str) -> Path:
    """The Python of a peer's environment; PeerError when its packages cannot be installed."""
    pins = Path(__file__).with_name(f"{peer}.txt")
    ours = sysconfig.get_path("purelib")
    mark = hashlib.sha256(f"{sys.version} {ours} {pins.read_text(encoding='utf-8')}".encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dbx_dl" / "peers"
    folder = cache / f"{peer}-{mark}"
    if not (folder / "ready").exists():
        print(f"installing {peer} into {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        install = [folder / "bin" / "pip", "install", "--quiet", "--no-deps", "--requirement", pins]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PeerError(f"pip could not install it: {_last_line(done.stderr)}")
        # What the peer does not have itself, it takes from here.
        places = folder.glob("lib/python*/site-packages")
        (next(places) / "zz_dbx_dl.pth").write_text(f"{ours}\n{ROOT}\n", encoding="utf-8")
        (folder / "ready").touch()
    return folder / "bin" / "python"


class PeerProcess:
    """A process that has imported a peer and answers questions about one table; PeerError says why it does not.

    `copied_bytes` is the size of its own copy of the table, 0 where it reads the table itself.
    """

    def __init__(self, peer: str, prepared: PreparedTable, work: Path) -> None:
        self.name = peer
        # Kept open for as long as the process lives: its tracebacks are read from here.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [make_environment(peer), "-m", "tests.benchmarks.peers.epochs", peer, work],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
        )
        self.copied_bytes: int = self.ask(table=prepared.model_dump(mode="json"))

    def ask(self, **question: Any) -> Any:
        """The answer to one line of JSON."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        # Peers may print, too.
        for line in self._process.stdout:
            if line.startswith("answer "):
                return json.loads(line.removeprefix("answer "))
        self._errors.seek(0)
        raise PeerError(_last_line(self._errors.read()))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._errors.close()


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no word of why")
