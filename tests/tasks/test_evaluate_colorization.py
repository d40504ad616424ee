"""Colorization metrics against scikit-image, a plain matrix root, and data sets that really are repeated."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from rewardmark.rewards.errors import RewardmarkError
from rewardmark.tasks.colorization.evaluate import PSNR_CAP, colorfulness, evaluate, frechet_distance, psnr


def pictures(seed: int, n: int = 12) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 6, 3), dtype=np.uint8)


def mean_colours(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.concatenate([images.mean(axis=(1, 2)), images[:, 0, 0]], axis=1).astype(np.float64)


def test_colorfulness_of_known_pictures() -> None:
    red = np.zeros((1, 4, 4, 3), dtype=np.uint8)
    red[..., 0] = 255
    assert colorfulness(red)[0] == pytest.approx(0.3 * np.hypot(255, 127.5))
    halves = red.copy()
    halves[:, :, 2:] = 0  # rg is 255 or 0, yb 127.5 or 0
    assert colorfulness(halves)[0] == pytest.approx(np.hypot(127.5, 63.75) * 1.3)


def test_psnr_is_scikit_images_up_to_the_cap() -> None:
    from skimage.metrics import peak_signal_noise_ratio

    truths, images = pictures(0), pictures(1)
    wanted = [peak_signal_noise_ratio(a, b, data_range=255) for a, b in zip(truths, images, strict=True)]
    np.testing.assert_allclose(psnr(truths, images), wanted)
    assert psnr(truths, truths).tolist() == pytest.approx([PSNR_CAP] * len(truths))


def test_frechet_distance_is_the_formula_with_a_matrix_root() -> None:
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5)), rng.normal(size=(60, 5)) + 0.3
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    wanted = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(s1 + s2 - 2 * sqrtm(s1 @ s2).real)
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-9)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_is_finite_with_fewer_images_than_dimensions() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(4, 30)), rng.normal(size=(4, 30))
    assert np.isfinite(frechet_distance(a, b)) and frechet_distance(a, b) > 0
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(np.ones((3, 2)), np.zeros((3, 2))) == pytest.approx(2)


def test_weights_are_repetition() -> None:
    truths, images = pictures(2), pictures(3)
    weights = np.random.default_rng(4).integers(0, 4, len(images))
    again = np.repeat(np.arange(len(images)), weights)
    found = evaluate(truths, images, mean_colours).metrics(weights)
    wanted = evaluate(truths[again], images[again], mean_colours).metrics()
    assert found == pytest.approx(wanted, rel=1e-9)


def test_without_an_encoder_the_distance_is_not_a_number() -> None:
    found = evaluate(pictures(0), pictures(1))
    assert np.isnan(found.metrics()["frechet_scenes_features"])
    assert list(found.per_sample()) == ["score", "psnr"]
    np.testing.assert_array_equal(found.per_sample()["score"], colorfulness(pictures(1)))


def test_unusable_input_is_named() -> None:
    with pytest.raises(RewardmarkError, match="uint8"):
        evaluate(pictures(0).astype(float), pictures(1))
    with pytest.raises(RewardmarkError, match="the true ones"):
        evaluate(pictures(0, 3), pictures(1, 4))
    with pytest.raises(RewardmarkError, match="finite features"):
        evaluate(pictures(0), pictures(1), lambda images: np.full((len(images), 2), np.nan))
    with pytest.raises(RewardmarkError, match=r"\[B, D\]"):
        evaluate(pictures(0), pictures(1), lambda images: np.zeros(len(images)))
