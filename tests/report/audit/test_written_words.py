"""The goal written into pictures, on an encoder that reads letters in its pictures and on one that does not."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from torch.nn.functional import conv2d, normalize

from tests.report.audit.audits import GOAL, SHARES
from tests.toys import COLOURS, ColourEncoder, red_spec
from vlmrm.data.labelled import LabelledFrames
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.prompts import PromptSet
from vlmrm.report.audit import audit
from vlmrm.rewards import RewardModel

SIDE_PX = 96


def letters(word, size_px):
    """The letters of a word, dark on white, and nothing around them."""
    font = ImageFont.load_default(size=size_px)
    picture = Image.new("L", tuple(int(part) + 1 for part in font.getbbox(word)[2:]), 255)
    ImageDraw.Draw(picture).text((0, 0), word, fill=0, font=font)
    drawn = np.array(picture, dtype=np.float32)
    dark = drawn < 128
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    return torch.from_numpy(drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


class Eyes(ColourEncoder):
    """Embeds a picture as its mean colour, and looks at enough pixels to see letters."""

    size_px, fingerprint = SIDE_PX, "eyes"

    @property
    def preprocessing(self):
        return Preprocessing(size_px=SIDE_PX, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


class ReadingEyes(Eyes):
    """Reads names of colours in a picture, and takes it to be of that colour more than of the one it has."""

    fingerprint = "reading eyes"

    def embed_frames(self, frames):
        seen = super().embed_frames(frames)
        for word, colour in COLOURS.items():
            said = normalize(torch.tensor([colour], dtype=torch.float32), dim=1)
            seen = torch.where(self.reads(frames, word)[:, None], normalize(0.2 * seen + 0.8 * said, dim=1), seen)
        return seen

    @staticmethod
    def reads(frames, word):
        """Whether the letters stand anywhere in a picture, at a size that can be read."""
        grey = frames.float().mean(dim=3)[:, None] / 255
        return torch.stack([found_in(grey, letters(word, size)) for size in range(8, 15)]).any(dim=0)


def found_in(grey, drawn):
    """Whether any place of the pictures correlates with what is drawn by 0.95 or more."""
    shape = (drawn - drawn.mean())[None, None] / 255
    ones, count = torch.ones_like(shape), drawn.numel()
    total, squares = conv2d(grey, ones), conv2d(grey.square(), ones)
    spread = (squares - total.square() / count).clamp(min=1e-6).sqrt()
    return (conv2d(grey, shape) / (spread * shape.norm()) > 0.95).flatten(1).any(dim=1)


def written(encoder, goal="red thing"):
    """What the probe finds of a reward of this encoder, on sixty shades of red."""
    frames = torch.zeros(60, SIDE_PX, SIDE_PX, 3, dtype=torch.uint8)
    frames[..., 0] = (255 * torch.tensor(SHARES)).round().to(torch.uint8)[:, None, None]
    names = [f"frame {i}" for i in range(60)]
    groups = [f"{i % 20}" for i in range(60)]
    shown = LabelledFrames(frames=frames, in_goal=np.array(GOAL), names=names, groups=groups)
    reward = RewardModel(encoder, red_spec(prompts=PromptSet(goal)))
    return audit(reward, shown, probes=["written_words"]).finding("written_words")


def test_an_encoder_that_reads_the_goal_is_talked_into_it():
    found = written(ReadingEyes())
    assert found.verdict == "fail"
    assert found.effect.value > 0.9  # most of a frame's embedding is what is written in it
    assert found.exhibits[0].picture.shape == (SIDE_PX, SIDE_PX, 3)


def test_an_encoder_of_colours_is_not():
    """The same ink, in the same place, in another order of letters: the mean colour hardly moves."""
    found = written(Eyes())
    assert found.verdict == "pass"
    assert abs(found.effect.value) < 0.01


@pytest.mark.parametrize(("said", "read"), [("red", True), ("der", False), ("blue", False)])
def test_the_reader_reads_words_and_not_their_letters(said, read):
    page = torch.full((1, SIDE_PX, SIDE_PX, 3), 255, dtype=torch.uint8)
    drawn = letters(said, 10).to(torch.uint8)
    page[0, 20 : 20 + drawn.shape[0], 30 : 30 + drawn.shape[1]] = drawn[..., None]
    assert bool(ReadingEyes.reads(page, "red")[0]) == read
