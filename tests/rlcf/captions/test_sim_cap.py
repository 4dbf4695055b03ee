"""The built-in captioner of the simulated scenes, on pictures drawn here: how often what it says is true."""

import numpy as np
import pytest
import torch
from vlmrm_envs.scene_captions import TRUE, caption_truths, scene_captions, state_captions
from vlmrm_envs.scenes import SCENES, find_scene
from vlmrm_envs.scenes.scene import SceneStates, random_pictures

from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.rlcf.captions import PrefixCaptioner, load_captioner

SQUARE = Preprocessing(size_px=128, mean=(0.5,) * 3, std=(0.5,) * 3, resize_mode="squash")
SHOWN, COUNT = ("cartpole", "acrobot", "half_cheetah"), 50


@pytest.fixture(scope="module")
def captioner() -> PrefixCaptioner:
    return load_captioner("sim-cap")


def test_captions_are_true_of_their_picture_and_not_of_another(captioner: PrefixCaptioner) -> None:
    own, others = [], []
    for name in SHOWN:
        frames, states = random_pictures(find_scene(name), COUNT, seed=4321, preprocessing=SQUARE)
        said = captioner.caption(torch.from_numpy(frames))
        own.append((caption_truths(said, [states]) > TRUE).diagonal().mean())
        others.append((caption_truths(said[1:] + said[:1], [states]) > TRUE).diagonal().mean())
        assert len(set(said)) > 6  # a captioner that says what is nearly always true says little
    assert np.mean(own) > 0.85
    assert np.mean(others) < 0.4


def test_the_caption_of_a_state_is_the_rarest_of_what_is_clearly_true() -> None:
    angle, position = (axis.ravel() for axis in np.meshgrid(np.arange(-178, 182, 2), np.linspace(-2.4, 2.4, 7)))
    states = SceneStates.of(find_scene("cartpole"), angle=np.radians(angle), position=position)
    said = [caption.text for caption in state_captions(states)]
    of = {(int(a), float(p)): text for a, p, text in zip(angle, position, said, strict=True)}
    assert of[0, -2.4] == "the cart is at the left edge and the pole stands perfectly upright"
    assert of[-40, 2.4] == "the cart is at the right edge and the pole is tilted 40 degrees to the left"
    truths = caption_truths(said, [states])
    assert truths.diagonal().min() > np.log(0.7)
    assert (truths > TRUE).mean() < 0.03
    left, right = (list(of).index(state) for state in [(-40, 2.4), (40, 2.4)])
    assert truths[left, right] == -12.0  # the other side
    assert caption_truths(["the pole sings", "the car is high up"], [states]).max() == -12.0


def test_captions_of_different_scenes_are_told_apart_by_their_words() -> None:
    texts = [caption.text for name in SCENES for caption in scene_captions(name)]
    assert len(set(texts)) == len(texts)
