"""IDX files as MNIST ships them, plain or gzipped: headers, checks, and single images without reading the rest.

An IDX file is a big-endian header and raw bytes: a magic number (two zero bytes, the element type, the number of
dimensions), one 32-bit size per dimension, then the elements, the last dimension running fastest.
"""

from __future__ import annotations

import gzip
import math
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from dbx_dl.errors import DataError

IMAGES_MAGIC = 0x00000803
LABELS_MAGIC = 0x00000801
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class IdxImages:
    """An IDX file of `count` uint8 images of shape (height, width)."""

    path: str
    count: int
    height: int
    width: int

    @property
    def image_bytes(self) -> int:
        """Bytes of one image."""
        return self.height * self.width

    def start_of(self, position: int) -> int:
        """Where the image's bytes start in the (unzipped) file."""
        return 16 + position * self.image_bytes


def read_images_header(path: str) -> IdxImages:
    """The header of a file of images, its length checked against it; DataError names the file, and what was found."""
    count, height, width = _check_file(path, IMAGES_MAGIC, 3, "images")
    if not height or not width:
        raise DataError(f"IDX file {path}: images of {height} x {width} pixels")
    return IdxImages(path, count, height, width)


def count_labels(path: str) -> list[int]:
    """How often each label 0 to 255 occurs in a file of labels, checked like `read_images_header`."""
    import numpy as np

    _check_file(path, LABELS_MAGIC, 1, "labels")
    counts = np.zeros(256, np.int64)
    with open_unzipped(path) as file:
        file.read(8)
        while chunk := file.read(_CHUNK_BYTES):
            counts += np.bincount(np.frombuffer(chunk, np.uint8), minlength=256)
    return [int(count) for count in counts]


def read_labels(path: str) -> bytes:
    """All labels of a file, one byte each."""
    with open_unzipped(path) as file:
        file.read(8)
        return file.read()


@contextmanager
def open_unzipped(path: str) -> Iterator[IO[bytes]]:
    """The file for reading from its start, gunzipped on the way where it is gzipped; DataError when it is broken."""
    try:
        with Path(path).open("rb") as plain:
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=plain)) if _is_gzipped(plain) else plain
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"IDX file {path}: the gzip data are broken: {error}") from None
    except OSError as error:
        raise DataError(f"IDX file {path} cannot be read: {error.strerror or error}") from None


class SeekableFiles:
    """Opens IDX files for reading anywhere; a gzipped one is unzipped once, into a file without a name."""

    def __init__(self) -> None:
        self._files: dict[str, IO[bytes]] = {}

    def read_slice(self, path: str, start: int, num_bytes: int) -> bytes:
        """Bytes of the unzipped file; DataError when it ends before them."""
        if path not in self._files:
            self._files[path] = self._open(path)
        file = self._files[path]
        file.seek(start)
        found = file.read(num_bytes)
        if len(found) != num_bytes:
            raise DataError(f"IDX file {path} has changed while it was read: it is shorter now")
        return found

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _open(self, path: str) -> IO[bytes]:
        plain = Path(path).open("rb")  # noqa: SIM115 (closed by `close`)
        if not _is_gzipped(plain):
            return plain
        plain.close()
        copy = tempfile.TemporaryFile()  # noqa: SIM115
        with open_unzipped(path) as source:
            shutil.copyfileobj(source, copy, _CHUNK_BYTES)
        return copy


def _is_gzipped(file: IO[bytes]) -> bool:
    start = file.read(2)
    file.seek(0)
    return start == _GZIP_MAGIC


def _check_file(path: str, magic: int, num_sizes: int, what: str) -> tuple[int, ...]:
    """The sizes in the header, when the file is just what they say."""
    header_bytes = 4 + 4 * num_sizes
    with open_unzipped(path) as file:
        header = file.read(header_bytes)
        found = int.from_bytes(header[:4], "big")
        if len(header) < 4 or found != magic:
            raise DataError(
                f"IDX file {path} is no file of uint8 {what}: it must start with 0x{magic:08x}, "
                f"but starts with 0x{header[:4].hex()}{_hint(found, magic)}"
            )
        if len(header) < header_bytes:
            raise DataError(f"IDX file {path} ends in its header, after {len(header)} of {header_bytes} bytes")
        sizes = struct.unpack(f">{num_sizes}I", header[4:])
        num_bytes = sum(len(chunk) for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""))
    expected = math.prod(sizes)
    if num_bytes != expected:
        shape = " x ".join(str(size) for size in sizes)
        raise DataError(f"IDX file {path}: {shape} {what} need {expected} bytes after the header, found {num_bytes}")
    return sizes


def _hint(found: int, magic: int) -> str:
    if {found, magic} == {IMAGES_MAGIC, LABELS_MAGIC}:
        return " (images and labels are swapped)"
    return ""
