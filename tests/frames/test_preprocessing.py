import logging
import pickle
from dataclasses import asdict

import numpy as np
import pytest
import torch
from PIL import Image

from vlmrm.encoders import Preprocessing, import_open_clip
from vlmrm.errors import EncoderError
from vlmrm.frames.preprocessing import _warn_of_crop

MODES = ("shortest", "longest", "squash")
SHRUNK = [(400, 600), (500, 500), (480, 480), (333, 517), (401, 601), (224, 300), (300, 224)]
ENLARGED = [(64, 80), (37, 91), (96, 97), (1, 50)]


def plain(**values):
    return Preprocessing(**{"size_px": 224, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "fill_color": 40} | values)


def pictures(height, width):
    """Noise, where every rounding shows, and something smooth with hard edges."""
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    y, x = np.mgrid[:height, :width]
    drawn = np.stack([(x + y) % 256, 128 + 127 * np.sin(x / 17), np.full_like(x, 30)], -1).astype(np.uint8)
    drawn[:, width // 3 : width // 2] = 255
    return torch.from_numpy(np.stack([noise, drawn]))


def difference(ours, theirs):
    return (ours.float() - theirs.float()).abs()


def by_open_clip(frames, preprocessing):
    p = preprocessing
    transform = import_open_clip().image_transform(
        p.size_px,
        is_train=False,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        resize_mode=p.resize_mode,
        interpolation=p.interpolation,
        fill_color=p.fill_color,
    )
    pixels = torch.stack([transform(Image.fromarray(frame.numpy())) for frame in frames])
    return (pixels * 255).round().movedim(1, -1)


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("height", "width"), SHRUNK + ENLARGED)
def test_a_resized_frame_equals_open_clips_own_within_rounding(height, width, mode, interpolation):
    """2/255 for a few pixels of noise (measured: at most 1/255 where a bicubic frame shrinks), 0.1/255 on average."""
    preprocessing = plain(resize_mode=mode, interpolation=interpolation)
    frames = pictures(height, width)
    error = difference(preprocessing.resize(frames), by_open_clip(frames, preprocessing))
    assert error.max() <= 2
    assert error.mean() <= 0.1


@pytest.mark.parametrize(("height", "width"), [(601, 401), (400, 100)])
def test_a_tall_frame_is_resized_first_across_and_then_down(height, width):
    """Pillow 13 takes the other order for some tall frames, which clips other overshoots: up to 15/255 apart."""
    frames = pictures(height, width)
    bicubic = Image.Resampling.BICUBIC
    across_then_down = [
        Image.fromarray(frame.numpy()).resize((224, height), bicubic).resize((224, 224), bicubic) for frame in frames
    ]
    theirs = torch.from_numpy(np.stack([np.asarray(picture) for picture in across_then_down]))
    assert difference(plain(resize_mode="squash").resize(frames), theirs).max() <= 2


@pytest.mark.parametrize("mode", MODES)
def test_a_frame_that_was_resized_before_passes_unchanged(mode):
    preprocessing = plain(resize_mode=mode)
    once = preprocessing.resize(pictures(400, 600))
    assert torch.equal(preprocessing.resize(once), once)


def test_longest_keeps_both_ends_of_a_wide_frame_and_shortest_loses_them():
    frame = torch.zeros(1, 100, 200, 3, dtype=torch.uint8)
    frame[:, :, :20], frame[:, :, -20:] = 255, 255
    assert plain(resize_mode="longest").resize(frame)[0, 112, [0, -1], 0].tolist() == [255, 255]
    assert plain(resize_mode="shortest").resize(frame)[0, 112].max() == 0


def test_padding_has_the_fill_colour_and_an_odd_row_goes_to_the_bottom():
    white = torch.full((1, 5, 10, 3), 255, dtype=torch.uint8)
    small = plain(size_px=10, resize_mode="longest").resize(white)
    assert small[0, :, 0, 0].tolist() == [40, 40, 255, 255, 255, 255, 255, 40, 40, 40]


def test_pixels_are_normalised_by_the_models_own_mean_and_deviation():
    preprocessing = plain(size_px=1, mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0))
    pixels = preprocessing.normalise(torch.tensor([[[[255, 255, 51]]]], dtype=torch.uint8))
    assert pixels.dtype == torch.float32
    assert pixels.flatten().tolist() == pytest.approx([1.0, 3.0, 0.2])


def test_the_share_that_a_crop_cuts_away_is_known():
    assert plain().cropped_share(400, 600) == pytest.approx(1 / 3)
    assert plain().cropped_share(480, 480) == 0
    assert plain(resize_mode="longest").cropped_share(400, 600) == 0
    assert plain(resize_mode="squash").cropped_share(400, 600) == 0


def test_a_crop_of_more_than_a_fifth_is_said_once_for_each_shape(caplog):
    _warn_of_crop.cache_clear()
    with caplog.at_level(logging.WARNING):
        for height, width in [(40, 60), (40, 60), (60, 40), (50, 60), (50, 50)]:
            plain(size_px=8).resize(torch.zeros(1, height, width, 3, dtype=torch.uint8))
    assert [record.args for record in caplog.records] == [(33, 40, 60), (33, 60, 40)]
    assert 'resize_mode="longest"' in caplog.text


def test_it_survives_pickling_and_json_like_values():
    preprocessing = plain(resize_mode="longest")
    assert pickle.loads(pickle.dumps(preprocessing)) == preprocessing
    assert Preprocessing(**asdict(preprocessing) | {"mean": [0.0, 0.0, 0.0]}) == preprocessing


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size_px": 0}, "size_px"),
        ({"std": (1.0, 0.0, 1.0)}, "std"),
        ({"mean": (0.0, 0.0)}, "three values of mean"),
        ({"fill_color": 256}, "fill_color"),
        ({"resize_mode": "longst"}, "Near: longest"),
        ({"interpolation": "cubic"}, "Near: bicubic"),
    ],
)
def test_impossible_values_are_refused(values, message):
    with pytest.raises(EncoderError, match=message):
        plain(**values)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(400, 600), (64, 80), (224, 224)])
def test_levels_are_resized_as_bytes_are_and_gradients_pass(mode, size):
    """Of the smooth picture, whose levels are not rounded on the way, within a level on average."""
    frames = pictures(*size)[1:]
    levels = frames.float().requires_grad_()
    resized = plain(resize_mode=mode).resize_levels(levels)
    found = resized.detach()
    apart = (found - plain(resize_mode=mode).resize(frames)).abs()
    assert float(apart.mean()) <= (0 if size == (224, 224) else 1)
    assert 0 <= float(found.min()) <= float(found.max()) <= 255
    (gradient,) = torch.autograd.grad(resized.sum(), levels)
    assert float(gradient.abs().sum()) > 0
