"""Pictures of one moment side by side in one frame."""

from dataclasses import asdict, replace

import pytest
import torch

from vlmrm.errors import FrameError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.frames.side_by_side import cut_apart, put_together

SMALL = Preprocessing(size_px=8, mean=(0.5,) * 3, std=(0.5,) * 3)


def noise(height, width, n=3):
    generator = torch.Generator().manual_seed(height * width)
    return torch.randint(0, 256, (n, height, width, 3), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_was_put_together_is_cut_apart_again(count):
    pictures = list(noise(20, 30, n=count)[:, None])
    together = put_together(pictures)
    assert together.shape == (1, 20, 30 * count, 3)
    for cut, picture in zip(cut_apart(together, count), pictures, strict=True):
        torch.testing.assert_close(cut, picture, atol=0, rtol=0)


@pytest.mark.parametrize(
    ("height", "width", "message"), [(20, 41, "are 41 pixels wide"), (40, 40, r"are square \(40x40\), as of one")]
)
def test_frames_that_are_not_so_many_pictures_say_so(height, width, message):
    with pytest.raises(FrameError, match=rf"reads 2 pictures side by side in each frame, and these frames {message}"):
        cut_apart(noise(height, width), 2)


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
def test_each_picture_is_resized_as_it_is_alone(mode):
    left, right = noise(20, 30), noise(20, 30).flip(1)
    alone = replace(SMALL, resize_mode=mode)
    both = replace(alone, side_by_side=2).resize(put_together([left, right]))
    assert both.shape == (3, 8, 16, 3)
    torch.testing.assert_close(both, torch.cat([alone.resize(left), alone.resize(right)], dim=2), atol=0, rtol=0)
    torch.testing.assert_close(replace(alone, side_by_side=2).resize(both), both, atol=0, rtol=0)


def test_a_preprocessing_that_was_written_down_before_is_of_one_picture():
    before = {key: value for key, value in asdict(SMALL).items() if key != "side_by_side"}
    assert Preprocessing(**before) == SMALL
