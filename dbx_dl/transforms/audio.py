"""The bytes of recordings become int16 samples; whatever cannot be decoded is named by a short code and a detail."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from dbx_dl.errors import SetupError
from dbx_dl.transforms.resampling import count_needed, load_filters, resample
from dbx_dl.transforms.undecodable import UndecodableError, one_line

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray
    from soundfile import SoundFile

    from dbx_dl.contracts import AudioSpec

# Allow-lists: what libsndfile reads beside these is lossy, and decoded differently from version to version.
FORMATS = ("WAV", "WAVEX", "RF64", "FLAC")
ENCODINGS = ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
FULL_SCALE = 32768
INSTALL = "pip install 'dbx_dl[audio]'"
_LOWEST_RATE, _HIGHEST_RATE = 100, 1_000_000
_MAX_CHANNELS = 64
# Lengths that programs write which do not know them yet.
_UNKNOWN_LENGTHS = (0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF - 36, 0xFFFFFFFF - 36, 2**64 - 1)
# The number of frames that libsndfile tells of a FLAC file whose header tells none.
_UNKNOWN_FRAMES = 2**63 - 1
_FRAMES_AT_ONCE = 2**16
_MAX_COUNTED_FRAMES = 2**27


class UndecodableAudioError(UndecodableError):
    """Bytes that are no usable recording.

    `code` is one of empty, not_audio, no_samples, unsupported_rate, unsupported_samples, truncated, corrupt.
    """


@dataclass(frozen=True)
class AudioInfo:
    """What a file holds; `encoding` is libsndfile's name of how samples are written, such as PCM_24.

    Where a FLAC file's header does not tell `num_frames` they are counted, up to 2^27 (46 minutes at 48 kHz).
    """

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

    soundfile = load_decoder()
    _check_start(data)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            info = AudioInfo(file.format, file.subtype, file.samplerate, file.channels, file.frames)
            _check_info(info)
            num_needed = count_needed(spec.num_samples, info.sample_rate, spec.sample_rate)
            if info.num_frames == _UNKNOWN_FRAMES:
                frames_sc, num_frames = _read_and_count(file, num_needed)
                info = replace(info, num_frames=num_frames)
            else:
                frames_sc = _read_frames(file, num_needed)
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


def load_decoder() -> ModuleType:
    """The module that decodes; SetupError where it, or what resamples, is not there."""
    try:
        import soundfile

        load_filters()
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
    if is_wave:
        _check_length(data, "big" if data[:4] == b"RIFX" else "little")


def _check_length(data: bytes, byte_order: Literal["big", "little"]) -> None:
    """A cut WAV file is told from a whole one by its header alone: decoders take what is there."""
    at, long_length = 12, None
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], byte_order)
        if data[at : at + 4] == b"ds64":  # the 64-bit lengths of RF64
            long_length = int.from_bytes(data[at + 16 : at + 24], byte_order)
        if data[at : at + 4] == b"data":
            length = long_length if long_length is not None and length == 0xFFFFFFFF else length
            there = len(data) - at - 8
            if length > there and length not in _UNKNOWN_LENGTHS:
                raise UndecodableAudioError("truncated", f"its header tells of {length} bytes of samples, {there} came")
            return
        at += 8 + length + length % 2
    raise UndecodableAudioError("truncated", "the file ends before its samples begin")


def _check_info(info: AudioInfo) -> None:
    if info.format not in FORMATS:
        raise UndecodableAudioError("not_audio", f"a recording in {info.format} is none of {', '.join(FORMATS)}")
    if info.encoding not in ENCODINGS:
        told = f"samples in {info.encoding} are none of {', '.join(ENCODINGS)}"
        raise UndecodableAudioError("unsupported_samples", told)
    if not _LOWEST_RATE <= info.sample_rate <= _HIGHEST_RATE:
        raise UndecodableAudioError("unsupported_rate", f"{info.sample_rate} samples a second")
    if info.channels > _MAX_CHANNELS:
        raise UndecodableAudioError("unsupported_samples", f"{info.channels} channels, the limit is {_MAX_CHANNELS}")
    if info.num_frames <= 0:
        raise _no_samples()


def _read_frames(file: SoundFile, num_frames: int) -> NDArray[np.float64]:
    wanted = min(num_frames, file.frames)
    frames_sc: NDArray[np.float64] = file.read(wanted, dtype="float64", always_2d=True)
    if len(frames_sc) < wanted:
        raise UndecodableAudioError("truncated", f"{len(frames_sc)} samples of {wanted} can be decoded")
    return frames_sc


def _read_and_count(file: SoundFile, num_frames: int) -> tuple[NDArray[np.float64], int]:
    """At most the first so many frames of a file whose header does not tell how many it has, and how many it has."""
    # Behind every read soundfile seeks where it is already, which such a file cannot at its end.
    file.seekable = lambda: False
    frames_sc: NDArray[np.float64] = file.read(num_frames, dtype="float64", always_2d=True)
    count = len(frames_sc)
    if not count:
        raise _no_samples()
    while num_frames <= count < _MAX_COUNTED_FRAMES:
        more = len(file.read(_FRAMES_AT_ONCE, dtype="float64", always_2d=True))
        count += more
        if more < _FRAMES_AT_ONCE:
            break
    return frames_sc, count


def _no_samples() -> UndecodableAudioError:
    return UndecodableAudioError("no_samples", "the recording has no samples")
