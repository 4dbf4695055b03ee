"""Scores of pixels, with a gradient, are those of the same picture in bytes, or an error."""

import pytest
import torch

from tests.judges.tiny_llava import QUESTION, SIZE_PX, frames, processor, smooth_pixels, transformers
from vlmrm.errors import EncoderError
from vlmrm.judges import YesNoJudge


@pytest.mark.parametrize("size", [(SIZE_PX, SIZE_PX), (40, 30), (90, 120)])
def test_pixels_get_the_score_of_the_same_picture_in_bytes(judge, size):
    """Without a resize there is nothing to round; with one, byte pictures are rounded once more."""
    batch = frames(2, size)
    of_pixels = judge.log_odds_of_pixels(batch.movedim(-1, 1) / 255)
    tolerance = 1e-5 if size == (SIZE_PX, SIZE_PX) else 0.02
    torch.testing.assert_close(of_pixels, judge.log_odds(batch), atol=tolerance, rtol=0)


@pytest.mark.parametrize("kind", [transformers.CLIPImageProcessor, transformers.CLIPImageProcessorPil])
def test_pixels_are_cut_off_at_black_and_white_where_a_resize_overshoots_as_bytes_are(model, kind):
    judge = YesNoJudge(model, processor(kind), QUESTION, name="tiny")
    squares = (torch.arange(12)[:, None] // 2 + torch.arange(12) // 2) % 2
    chessboard = (255 * squares).to(torch.uint8)[None, :, :, None].repeat(1, 1, 1, 3)
    of_pixels = judge.log_odds_of_pixels(chessboard.movedim(-1, 1) / 255)
    torch.testing.assert_close(of_pixels, judge.log_odds(chessboard), atol=0.01, rtol=0)


@pytest.mark.parametrize("kind", [transformers.CLIPImageProcessor, transformers.CLIPImageProcessorPil])
def test_the_gradient_at_the_pixels_is_what_small_changes_say(model, kind):
    judge = YesNoJudge(model, processor(kind), QUESTION, name="tiny")
    pixels = smooth_pixels()
    (gradient,) = torch.autograd.grad(judge.log_odds_of_pixels(pixels).sum(), pixels)
    random = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(1)).sign()
    for direction in (gradient.sign(), random):
        with torch.no_grad():
            above, below = (judge.log_odds_of_pixels(pixels + step * direction).sum() for step in (1e-3, -1e-3))
        slope, expected = float(above - below) / 2e-3, float((gradient * direction).sum())
        assert slope == pytest.approx(expected, rel=0.01, abs=1e-3)
    assert float(gradient.abs().sum()) > 0.1


def test_the_gradient_of_one_picture_stays_in_it(judge):
    pixels = smooth_pixels()
    (gradient,) = torch.autograd.grad(judge.log_odds_of_pixels(pixels)[0], pixels)
    assert float(gradient[0].abs().sum()) > 0
    assert float(gradient[1].abs().sum()) == 0


class OddImageProcessorPil(transformers.CLIPImageProcessorPil):
    """Has no twin."""


class RoundingImageProcessor(transformers.CLIPImageProcessor):
    def _preprocess(self, images, **options):
        return super()._preprocess([image.round().byte() for image in images], **options)


class BrighterImageProcessor(transformers.CLIPImageProcessor):
    """Treats floats otherwise than bytes."""

    def _preprocess(self, images, **options):
        return super()._preprocess([1.2 * image if image.is_floating_point() else image for image in images], **options)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (OddImageProcessorPil, "OddImageProcessorPil has no twin"),
        (RoundingImageProcessor, "lets no gradient pass"),
        (BrighterImageProcessor, "off on average"),
    ],
)
def test_a_processor_that_cannot_be_reproduced_is_an_error_and_not_a_wrong_gradient(model, kind, message):
    judge = YesNoJudge(model, processor(kind), QUESTION, name="tiny")
    assert judge.log_odds(frames(1)).isfinite().all()
    with pytest.raises(EncoderError, match=message):
        judge.log_odds_of_pixels(smooth_pixels())
