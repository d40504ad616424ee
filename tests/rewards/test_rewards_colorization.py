"""Colorization rewards against scikit-image and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rewardmark.rewards import Images, RewardmarkError, get_reward
from rewardmark.rewards.colorization import rgb_to_lab
from skimage.color import rgb2lab
from skimage.metrics import peak_signal_noise_ratio

RANDOM = Images(torch.rand((6, 3, 21, 30), generator=torch.Generator().manual_seed(0)))
OTHER = Images(torch.rand((6, 3, 21, 30), generator=torch.Generator().manual_seed(1)))


def test_lab_equals_scikit_image() -> None:
    corners = torch.cartesian_prod(*[torch.linspace(0, 1, 18)] * 3).T.reshape(1, 3, 18, 324)
    expected = rgb2lab(corners[0].permute(1, 2, 0).double().numpy())
    assert np.abs(rgb_to_lab(corners)[0].permute(1, 2, 0).numpy() - expected).max() < 1e-3


def test_vivid_equals_its_formula_written_out() -> None:
    value = get_reward("colorization/vivid", patch=5)(RANDOM, None)
    for row in range(len(RANDOM)):
        lab = rgb2lab(RANDOM.rgb[row].permute(1, 2, 0).double().numpy())
        hues, patches = [], 0
        for y in range(0, 21, 5):
            for x in range(0, 30, 5):
                a, b = lab[y : y + 5, x : x + 5, 1], lab[y : y + 5, x : x + 5, 2]
                patches += 1
                if (a**2 + b**2).mean() > 10:
                    hues.append(np.arctan2(b.mean(), a.mean()))
        share = len(hues) / patches
        p = np.histogram(hues, bins=7, range=(-np.pi, np.pi))[0] / max(1, len(hues))
        entropy = -sum(q * np.log(q) for q in p if q > 0) / np.log(7)
        assert abs(value[row].item() - share * entropy) < 1e-5


def test_vivid_orders_grey_one_hue_and_many_hues() -> None:
    grey = torch.full((3, 28, 28), 0.5)
    red = grey.clone()
    red[0] = 0.9
    rainbow = torch.zeros(3, 28, 28)
    for k in range(7):
        angle = torch.tensor(2 * np.pi * k / 7)
        colour = 0.5 + 0.4 * torch.cos(angle - torch.tensor([0.0, 2.09, 4.19]))
        rainbow[:, :, 4 * k : 4 * k + 4] = colour[:, None, None]
    value = get_reward("colorization/vivid")(Images(torch.stack([grey, red, rainbow])), None)
    assert value[0] == 0
    assert value[1] == 0
    assert value[2] > 0.8


def test_hasler_equals_its_formula_in_numpy() -> None:
    rgb = RANDOM.rgb.double().numpy() * 255
    for row, value in enumerate(get_reward("colorization/hasler")(RANDOM, None)):
        r, g, b = rgb[row]
        rg, yb = r - g, (r + g) / 2 - b
        expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
        assert abs(value.item() - expected) < 1e-3


def test_psnr_equals_scikit_image_and_is_capped() -> None:
    values = get_reward("colorization/psnr")(RANDOM, OTHER)
    for row, value in enumerate(values):
        expected = peak_signal_noise_ratio(OTHER.rgb[row].numpy(), RANDOM.rgb[row].numpy(), data_range=1)
        assert abs(value.item() - expected) < 1e-4
    torch.testing.assert_close(get_reward("colorization/psnr", cap=30.0)(RANDOM, RANDOM), torch.full((6,), 30.0))
    assert "cap must be" in get_reward("colorization/psnr", cap=200.0).score(RANDOM, OTHER).failures[0].message


@pytest.mark.parametrize("name", ["colorization/vivid", "colorization/hasler", "colorization/psnr"])
def test_batch_equals_one_by_one(name: str) -> None:
    reward = get_reward(name)
    singly = torch.cat([reward(RANDOM[i], OTHER[i]) for i in range(6)])
    torch.testing.assert_close(reward(RANDOM, OTHER), singly)


@pytest.mark.parametrize("name", ["colorization/vivid", "colorization/hasler", "colorization/psnr"])
def test_a_pixel_that_is_no_number_fails_its_image_only(name: str) -> None:
    broken = RANDOM.rgb.clone()
    broken[2, 1, 0, 0] = torch.nan
    scored = get_reward(name).score(Images(broken), OTHER)
    assert [failure.sample_id for failure in scored.failures] == ["2"]


def test_images_of_integers_are_refused() -> None:
    with pytest.raises(RewardmarkError, match="must be float"):
        Images(torch.zeros((1, 3, 2, 2), dtype=torch.uint8))
