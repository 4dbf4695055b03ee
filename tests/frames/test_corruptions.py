"""Pictures made worse: how, how much, and the same each time."""

import pytest
import torch

from vlmrm.errors import FrameError
from vlmrm.frames.corruptions import CORRUPTIONS, corrupt

SCENE = torch.zeros(2, 40, 60, 3, dtype=torch.uint8)
SCENE[:, 11:31, 19:43] = torch.tensor([250, 120, 30], dtype=torch.uint8)  # a bright square on black


def away(kind, severity):
    return (corrupt(SCENE, kind, severity).float() - SCENE.float()).abs().mean().item()


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_each_is_worse_at_higher_severities_and_the_same_each_time(kind):
    steps = [away(kind, severity) for severity in range(1, 6)]
    assert steps[0] < steps[-1]
    assert steps == sorted(steps) or kind == "jpeg"  # whose blocks may fit a drawn square by chance
    assert steps[0] > 0.1
    again = corrupt(SCENE, kind, 3)
    assert torch.equal(again, corrupt(SCENE, kind, 3))
    assert again.shape == SCENE.shape
    assert again.dtype == torch.uint8


@pytest.mark.parametrize("kind", ["texture", "rotate", "occlude", "noise", "fog"])
def test_chance_is_that_of_the_seed_and_the_place(kind):
    first = corrupt(torch.cat([SCENE, SCENE, SCENE]), kind, 4, seed=1)
    assert not torch.equal(first, corrupt(torch.cat([SCENE, SCENE, SCENE]), kind, 4, seed=2))
    assert torch.equal(first[:2], corrupt(SCENE, kind, 4, seed=1))
    before = torch.get_rng_state()
    corrupt(SCENE, kind, 4)
    assert torch.equal(before, torch.get_rng_state())


def test_what_some_of_them_do():
    assert (corrupt(SCENE, "occlude", 5) == 128).all(dim=-1).float().mean().item() == pytest.approx(0.4, abs=0.03)
    small = corrupt(SCENE, "zoom_out", 4)  # half as large, in the middle
    assert (small[0, 17:25, 26:34].float() - SCENE[0, 17:25, 26:34].float()).abs().mean() < 12
    assert small[0, :9].float().std() < 1
    flat = corrupt(SCENE, "contrast", 5).float()
    assert flat.std().item() == pytest.approx(0.1 * SCENE.float().std().item(), rel=0.02)
    assert flat.mean().item() == pytest.approx(SCENE.float().mean().item(), abs=0.5)
    blocks = corrupt(SCENE, "pixelate", 5)
    assert len(torch.unique(blocks[0, :, 0, 0])) <= 5


def test_unknown_kinds_and_severities_are_refused():
    with pytest.raises(FrameError, match="texture"):
        corrupt(SCENE, "textures", 1)
    for severity in (0, 6):
        with pytest.raises(FrameError, match="1 to 5"):
            corrupt(SCENE, "blur", severity)
    assert len(corrupt(SCENE[:0], "blur", 1)) == 0
