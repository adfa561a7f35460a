"""The bytes of recordings become int16 samples; whatever cannot be decoded is named by a short code and a detail."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.errors import SetupError
from dbx_dl.transforms.resampling import count_needed, resample
from dbx_dl.transforms.undecodable import UndecodableError, one_line

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray
    from soundfile import SoundFile

    from dbx_dl.contracts import AudioSpec

# An allow-list: what libsndfile reads beside these is lossy, and decoded differently from version to version.
FORMATS = ("WAV", "WAVEX", "RF64", "FLAC")
FULL_SCALE = 32768
INSTALL = "pip install 'dbx_dl[audio]'"
_LOWEST_RATE, _HIGHEST_RATE = 100, 1_000_000
_MAX_CHANNELS = 64
# Lengths that programs write which do not know them yet.
_UNKNOWN_LENGTHS = (0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF - 36, 0xFFFFFFFF - 36)


class UndecodableAudioError(UndecodableError):
    """Bytes that are no usable recording.

    `code` is one of empty, not_audio, no_samples, unsupported_rate, unsupported_samples, truncated, corrupt.
    """


@dataclass(frozen=True)
class AudioInfo:
    """What a file holds; `encoding` is libsndfile's name of how samples are written, such as PCM_24."""

    format: str
    encoding: str
    sample_rate: int
    channels: int
    num_frames: int

    @property
    def seconds(self) -> float:
        """How long the recording is."""
        return self.num_frames / self.sample_rate


@dataclass(frozen=True)
class OpenedAudio:
    """What a file holds, and its sound as float64 (S,), 1 being full scale, at the spec's rate, neither cut nor padded.

    Of a long recording only as much is decoded as a model takes.
    """

    info: AudioInfo
    sound: NDArray[np.float64]


def open_audio(data: bytes, spec: AudioSpec) -> OpenedAudio:
    """Decode as much of a recording as the spec wants; UndecodableAudioError says why it is not usable.

    SetupError when there is no decoder on this machine.
    """
    import numpy as np

    soundfile = _load_decoder()
    _check_start(data)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            info = AudioInfo(file.format, file.subtype, file.samplerate, file.channels, file.frames)
            _check_info(info)
            frames_sc = _read_frames(file, count_needed(spec.num_samples, info.sample_rate, spec.sample_rate))
    except (soundfile.SoundFileError, RuntimeError, TypeError) as error:
        raise UndecodableAudioError("corrupt", one_line(error)) from None
    if not np.isfinite(frames_sc).all():
        raise UndecodableAudioError("unsupported_samples", "some samples are NaN or infinite")
    return OpenedAudio(info, resample(frames_sc.mean(axis=1), info.sample_rate, spec.sample_rate))


def decode_audio(data: bytes, spec: AudioSpec, out: np.ndarray | None = None) -> np.ndarray:
    """Samples int16 (spec.num_samples,) of a WAV or FLAC file; UndecodableAudioError if unusable.

    They are written to `out`, of that shape, if given, which stays as it was with unusable recordings. Channels are
    averaged; another rate is resampled (see `resampling.resample`); then the beginning counts, or zeros follow.
    """
    import numpy as np

    found = to_samples(open_audio(data, spec).sound, spec)
    if out is None:
        return found
    np.copyto(out, found)
    return out


def to_samples(sound: NDArray[np.float64], spec: AudioSpec) -> NDArray[np.int16]:
    """A sound as 16-bit samples, cut or padded; what is beyond full scale is clipped."""
    import numpy as np

    samples = np.zeros(spec.num_samples, np.int16)
    kept = sound[: spec.num_samples]
    samples[: len(kept)] = np.clip(np.rint(kept * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
    return samples


def _load_decoder() -> ModuleType:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # the latter where libsndfile is not there
        raise SetupError(f"recordings cannot be decoded here: {one_line(error)}", INSTALL) from None
    return soundfile  # type: ignore[no-any-return]


def _check_start(data: bytes) -> None:
    """Only what looks like one of FORMATS goes to the decoder, and a WAV file that has all of its samples."""
    if not data:
        raise UndecodableAudioError("empty", "the file has no bytes")
    is_wave = data[:4] in (b"RIFF", b"RIFX", b"RF64") and data[8:12] == b"WAVE"
    if not is_wave and data[:4] != b"fLaC":
        raise UndecodableAudioError("not_audio", f"no WAV or FLAC header (first bytes {data[:12]!r})")
    if data[:4] == b"RIFF":
        _check_length(data)


def _check_length(data: bytes) -> None:
    """A cut WAV file is told from a whole one by its header alone: decoders take what is there."""
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            there = len(data) - at - 8
            if length > there and length not in _UNKNOWN_LENGTHS:
                raise UndecodableAudioError("truncated", f"its header tells of {length} bytes of samples, {there} came")
            return
        at += 8 + length + length % 2
    raise UndecodableAudioError("truncated", "the file ends before its samples begin")


def _check_info(info: AudioInfo) -> None:
    if info.format not in FORMATS:
        raise UndecodableAudioError("not_audio", f"a recording in {info.format} is none of {', '.join(FORMATS)}")
    if not _LOWEST_RATE <= info.sample_rate <= _HIGHEST_RATE:
        raise UndecodableAudioError("unsupported_rate", f"{info.sample_rate} samples a second")
    if info.channels > _MAX_CHANNELS:
        raise UndecodableAudioError("unsupported_samples", f"{info.channels} channels, the limit is {_MAX_CHANNELS}")
    if info.num_frames <= 0:
        raise UndecodableAudioError("no_samples", "the recording has no samples")


def _read_frames(file: SoundFile, num_frames: int) -> NDArray[np.float64]:
    wanted = min(num_frames, file.frames)
    frames_sc: NDArray[np.float64] = file.read(wanted, dtype="float64", always_2d=True)
    if len(frames_sc) < wanted:
        raise UndecodableAudioError("truncated", f"{len(frames_sc)} samples of {wanted} can be decoded")
    return frames_sc
