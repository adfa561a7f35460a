"""When the scale of float16 losses grows and shrinks."""

from __future__ import annotations

from dbx_dl.frameworks.loss_scale import LossScale


def test_other_precisions_have_no_scale() -> None:
    scale = LossScale("mixed_bfloat16")
    scale.update(False)
    assert (scale.is_active, scale.value) == (False, 1.0)


def test_it_halves_at_once_and_doubles_after_2000_good_steps() -> None:
    scale = LossScale("mixed_float16")
    scale.update(False)
    assert scale.value == 2.0**14
    for _ in range(1999):
        scale.update(True)
    assert scale.value == 2.0**14
    restored = LossScale("mixed_float16")
    restored.restore(scale.read_state())
    for each in (scale, restored):
        each.update(True)
        assert each.value == 2.0**15


def test_it_stays_within_bounds() -> None:
    scale = LossScale("mixed_float16")
    for _ in range(50):
        scale.update(False)
    # A batch's summed gradients may need less than 1: see `test_a_float16_scale_goes_below_one` in tests/numerics.
    assert scale.value == 2.0**-24
    for _ in range(2000 * 50):
        scale.update(True)
    assert scale.value == 2.0**24
