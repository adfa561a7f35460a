"""Decoding gives the samples that were stored, at the model's rate and length, or names what is wrong."""

from __future__ import annotations

import io
import pickle
import random
import sys

import numpy as np
import pytest
import soundfile

from dbx_dl.contracts import AudioSpec
from dbx_dl.errors import SetupError
from dbx_dl.transforms.audio import UndecodableAudioError, decode_audio, open_audio
from dbx_dl.transforms.resampling import count_needed, find_factors, resample
from tests.recordings import encode_sound, make_tone

SPEC = AudioSpec(sample_rate=8000, num_samples=4000)
# The largest step between two values of the encoding, of 32768.
ENCODINGS = {
    ("WAV", "PCM_16"): 1,
    ("WAV", "PCM_24"): 1,
    ("WAV", "PCM_32"): 1,
    ("WAV", "FLOAT"): 1,
    ("WAV", "PCM_U8"): 256,
    ("WAV", "DOUBLE"): 1,
    ("WAVEX", "PCM_16"): 1,
    ("RF64", "PCM_24"): 1,
    ("FLAC", "PCM_16"): 1,
    ("FLAC", "PCM_24"): 1,
}


def middle(samples: np.ndarray) -> np.ndarray:
    """Samples that no end of a recording has an influence on."""
    return samples[300:-300].astype(np.float64)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 5512])
@pytest.mark.parametrize(("container", "encoding"), ENCODINGS)
def test_every_encoding_and_rate_gives_the_sound(container: str, encoding: str, rate: int) -> None:
    samples = decode_audio(encode_sound(make_tone(440, rate), rate, container, encoding), SPEC)
    assert (samples.dtype, samples.shape) == (np.int16, (4000,))
    apart = np.abs(middle(samples) - middle(32768 * make_tone(440)))
    assert apart.max() <= 1.2 * ENCODINGS[container, encoding] + 1


def test_samples_of_the_same_rate_come_back_bit_by_bit() -> None:
    stored = np.random.default_rng(0).integers(-32768, 32768, 4000).astype(np.int16)
    for container in ("WAV", "FLAC"):
        np.testing.assert_array_equal(decode_audio(encode_sound(stored, container=container), SPEC), stored)


def test_channels_are_averaged_and_what_is_loud_is_clipped() -> None:
    left, right = make_tone(300), make_tone(700, peak=0.2)
    samples = decode_audio(encode_sound(np.stack([left, right], axis=1), encoding="FLOAT"), SPEC)
    np.testing.assert_allclose(samples, 32768 * (left + right) / 2, atol=1)
    loud = decode_audio(encode_sound(make_tone(300, peak=3.0), encoding="FLOAT"), SPEC)
    assert (loud.min(), loud.max()) == (-32768, 32767)


def test_short_recordings_end_in_silence_and_long_ones_are_cut() -> None:
    short, long = (decode_audio(encode_sound(make_tone(440, seconds=s)), SPEC) for s in (0.1, 2.0))
    assert not short[800:].any() and short[:800].any()
    np.testing.assert_array_equal(short[:800], long[:800])


@pytest.mark.parametrize("rate", [44100, 5000])
def test_a_part_is_decoded_as_the_whole_is(rate: int) -> None:
    noise = np.random.default_rng(1).normal(0, 0.2, 3 * rate)
    data = encode_sound(noise, rate, "FLAC")
    opened = open_audio(data, SPEC)
    assert len(opened.sound) < 5000 and opened.info.seconds == 3
    whole = resample(np.asarray(noise.clip(-1, 1)), rate, 8000)
    np.testing.assert_allclose(opened.sound[:4000], whole[:4000], atol=1e-4)
    assert count_needed(4000, rate, 8000) >= 4000 * rate / 8000


def test_what_a_rate_cannot_hold_is_filtered_out() -> None:
    samples = decode_audio(encode_sound(make_tone(5000, 44100), 44100, encoding="FLOAT"), SPEC)
    assert np.abs(middle(samples)).max() <= 2
    kept = decode_audio(encode_sound(make_tone(3300, 44100), 44100, encoding="FLOAT"), SPEC)
    np.testing.assert_allclose(middle(kept), middle(32768 * make_tone(3300)), atol=5)


@pytest.mark.parametrize(("rate", "new_rate"), [(44100, 16000), (8000, 48000), (44099, 16000), (16000, 16001)])
def test_factors_are_small_and_near(rate: int, new_rate: int) -> None:
    up, down = find_factors(rate, new_rate)
    assert max(up, down) <= 2000 + 1 and up / down == pytest.approx(new_rate / rate, rel=1e-4)


@pytest.mark.parametrize(("rate", "new_rate"), [(1_000_000, 250), (999_983, 1500), (100, 192_000), (250, 999_983)])
def test_rates_far_apart_keep_their_ratio(rate: int, new_rate: int) -> None:
    up, down = find_factors(rate, new_rate)
    assert max(up, down) <= 8 * max(rate / new_rate, new_rate / rate)
    assert up / down == pytest.approx(new_rate / rate, rel=1e-4)


def test_samples_are_written_to_a_place_that_is_given_and_to_no_other() -> None:
    places_ns = np.zeros((3, 4000), np.int16)
    data = encode_sound(make_tone(440))
    assert np.shares_memory(decode_audio(data, SPEC, places_ns[1]), places_ns)
    with pytest.raises(UndecodableAudioError):
        decode_audio(b"RIFF", SPEC, places_ns[1])
    np.testing.assert_array_equal(places_ns[1], decode_audio(data, SPEC))
    assert not places_ns[[0, 2]].any()


WHOLE = encode_sound(make_tone(440))
FLAC = encode_sound(make_tone(440), container="FLAC")
BROKEN = {
    "empty": b"",
    "not_audio": b"This is a note that somebody named .wav\n",
    "truncated": WHOLE[:1000],
    "no_samples": encode_sound(np.zeros(0)),
    "unsupported_samples": encode_sound(np.full(100, np.nan), encoding="FLOAT"),
    "unsupported_rate": encode_sound(np.zeros(100), 20),
    "corrupt": FLAC[: len(FLAC) // 2],
}


@pytest.mark.parametrize("encoding", ["ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610", "NMS_ADPCM_32"])
def test_lossy_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(UndecodableAudioError, match=f"unsupported_samples: samples in {encoding} are none of PCM_U8"):
        decode_audio(encode_sound(make_tone(440), encoding=encoding), SPEC)


def encode_big_endian() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, make_tone(440), 8000, format="WAV", subtype="PCM_16", endian="BIG")
    return buffer.getvalue()


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64", "RIFX"])
def test_wav_files_of_every_kind_are_whole_or_truncated(container: str) -> None:
    whole = encode_big_endian() if container == "RIFX" else encode_sound(make_tone(440), container=container)
    np.testing.assert_array_equal(decode_audio(whole, SPEC), decode_audio(WHOLE, SPEC))
    for cut in (whole[:-2], whole[:1000], whole[:30]):
        with pytest.raises(UndecodableAudioError, match="truncated"):
            decode_audio(cut, SPEC)


def forget_length(flac: bytes) -> bytes:
    """The file as a program writes it that cannot go back to its header: the 36 bits of the length are zeros."""
    return flac[:21] + bytes([flac[21] & 0xF0, 0, 0, 0, 0]) + flac[26:]


@pytest.mark.parametrize("seconds", [0.1, 0.5, 2.0, 65536 * 2 / 8000])
def test_flac_files_that_do_not_tell_their_length_are_counted(seconds: float) -> None:
    whole = encode_sound(make_tone(440, seconds=seconds), container="FLAC")
    opened = open_audio(forget_length(whole), SPEC)
    assert (opened.info, opened.info.seconds) == (open_audio(whole, SPEC).info, seconds)
    np.testing.assert_array_equal(decode_audio(forget_length(whole), SPEC), decode_audio(whole, SPEC))


def test_a_flac_file_of_nothing_but_a_header_has_no_samples() -> None:
    with pytest.raises(UndecodableAudioError, match=r"no_samples|corrupt"):
        decode_audio(forget_length(FLAC)[:42], SPEC)


@pytest.mark.parametrize("missing", ["soundfile", "scipy.signal"])
def test_what_is_not_installed_is_no_fault_of_the_recording(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SetupError, match=r"recordings cannot be decoded here: .*dbx_dl\[audio\]"):
        decode_audio(encode_sound(make_tone(440, 16000), 16000), SPEC)


@pytest.mark.parametrize("code", BROKEN)
def test_unusable_bytes_are_named(code: str) -> None:
    with pytest.raises(UndecodableAudioError) as raised:
        decode_audio(BROKEN[code], SPEC)
    assert raised.value.code == code and raised.value.detail
    again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301
    assert (type(again), again.code, str(again)) == (UndecodableAudioError, code, str(raised.value))


def test_a_length_that_its_writer_did_not_know_is_no_damage() -> None:
    start = WHOLE.index(b"data") + 4
    streamed = WHOLE[:start] + b"\xff\xff\xff\xff" + WHOLE[start + 4 :]
    np.testing.assert_array_equal(decode_audio(streamed, SPEC), decode_audio(WHOLE, SPEC))


@pytest.mark.parametrize("data", [WHOLE, FLAC], ids=["WAV", "FLAC"])
def test_damaged_bytes_give_samples_or_are_named(data: bytes) -> None:
    random.seed(0)
    for _ in range(150):
        damaged = bytearray(data[: random.choice([len(data), random.randrange(len(data))])])
        for _ in range(random.randrange(1, 8)):
            if damaged:
                damaged[random.randrange(min(len(damaged), 200))] = random.randrange(256)
        try:
            assert decode_audio(bytes(damaged), SPEC).shape == (4000,)
        except UndecodableAudioError as error:
            assert error.code and error.detail
