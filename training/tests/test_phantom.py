"""The phantom's severity is exact by construction, measurable, and independent of everything else in the picture."""

from __future__ import annotations

import numpy as np
import pytest

from odm.data import to_float
from odm.errors import ConfigError
from odm.phantom import draw, measure_severity, phantom_image_set

GRADES = (0.0, 1.0, 2.0, 3.0, 4.0)


def test_measured_severity_is_the_grade() -> None:
    images = phantom_image_set(200, 32, GRADES, seed=1)
    for picture, label in zip(images.images, images.labels, strict=True):
        assert abs(measure_severity(picture) - GRADES[label]) < 0.01


@pytest.mark.parametrize("severity", [0.1, 0.5, 1.5, 2.25, 3.9, 6.0])
def test_fractional_severities(severity: float) -> None:
    for seed in range(12):
        assert abs(measure_severity(draw(severity, seed)) - severity) < 0.01


def test_bytes_and_model_range_measure_the_same() -> None:
    picture = draw(2.5, 3)
    assert measure_severity(to_float(picture[None])[0]) == pytest.approx(measure_severity(picture), abs=1e-5)


def test_small_errors_of_a_denoiser_do_not_count() -> None:
    rng = np.random.default_rng(0)
    for severity in GRADES:
        picture = to_float(draw(severity, 11)[None])[0]
        noisy = picture + rng.normal(0.01, 0.03, picture.shape).astype(np.float32)
        assert abs(measure_severity(noisy) - severity) < 0.15


def test_nuisances_are_independent_of_the_grade() -> None:
    images = phantom_image_set(800, 32, GRADES, seed=2)
    background = images.images[..., 0].astype(float)  # red: disc, brightness, position
    brightness = np.percentile(background, 60, axis=(1, 2))
    weight = (background > 60).astype(float)
    ys, xs = np.mgrid[0:32, 0:32]
    across = (weight * xs).sum((1, 2)) / weight.sum((1, 2))
    down = (weight * ys).sum((1, 2)) / weight.sum((1, 2))
    for nuisance in (brightness, across, down):
        assert abs(np.corrcoef(nuisance, images.labels)[0, 1]) < 0.12
        assert nuisance.std() > 0.3


def test_only_the_lesions_change_with_severity() -> None:
    low, high = draw(0, 5).astype(int), draw(4, 5).astype(int)
    changed = np.abs(high - low).max(axis=-1) > 0
    lesions = high[..., 2] != low[..., 2]
    np.testing.assert_array_equal(changed, lesions)
    # a higher grade covers everything that a lower one covers
    assert (draw(3, 5)[..., 2] >= draw(1, 5)[..., 2]).all()


def test_the_set_is_reproducible_and_balanced() -> None:
    a, b = (phantom_image_set(25, 32, GRADES, seed=9) for _ in range(2))
    np.testing.assert_array_equal(a.images, b.images)
    assert a.counts == [5] * 5
    assert len(set(a.names)) == 25
    assert not np.array_equal(a.images, phantom_image_set(25, 32, GRADES, seed=10).images)


def test_settings_it_does_not_have() -> None:
    with pytest.raises(ConfigError, match="size"):
        phantom_image_set(10, 64, GRADES, seed=0)
    with pytest.raises(ConfigError, match="grades"):
        phantom_image_set(10, 32, (0.0, 99.0), seed=0)
