"""Scores on another scale."""

import pytest
import torch
from gymnasium.wrappers import NormalizeReward
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from tests.toys import ColourEncoder, CountingEnv, random_colours, red_reward
from vlmrm.agents import VecVLMReward
from vlmrm.errors import SpecError
from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.transforms.scaling import Scale, ScalingOptions, mean_and_spread
from vlmrm.wrappers import CaptureFrame, VLMReward

NOTHING = FrameFeatures(embeddings=torch.zeros(4, 0))


def test_a_scale_subtracts_then_divides_then_clips():
    scale = Scale(subtract=1.0, divide=0.5, lowest=-1.0, highest=2.0)
    assert scale(torch.tensor([0.0, 0.75, 1.5, 9.0]), NOTHING).tolist() == [-1, -0.5, 1, 2]


def test_a_deviation_is_divided_and_one_that_is_not_known_stays_unknown():
    scale = Scale(subtract=1.0, divide=0.5)
    assert scale.std(torch.tensor([0.0, 0.1, 0.2, 0.3]), NOTHING).tolist() == pytest.approx([0, 0.2, 0.4, 0.6])
    assert scale.std(None, NOTHING) is None


def test_options_left_out_change_nothing():
    frames = torch.tensor([(255, 0, 0), (9, 9, 9)], dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)
    assert torch.equal(red_reward(scaling=ScalingOptions()).score(frames), red_reward().score(frames))


def test_mean_and_spread_are_those_of_the_population():
    assert mean_and_spread(torch.tensor([1.0, 3.0, 5.0, 7.0])) == pytest.approx((4, 5**0.5))  # 9, 1, 1 and 9: 20 / 4


@pytest.mark.parametrize(
    ("scaling", "message"),
    [
        ({"divide": 0}, "scaling.divide must be above 0"),
        ({"subtract": float("nan")}, "scaling.subtract must be a number"),
        ({"highest": float("inf")}, "scaling.highest must be a number"),
        ({"lowest": 1, "highest": 1}, "nothing lies between lowest=1 and highest=1"),
        ({"center": 1}, "unknown key scaling.center"),
        ({"divid": 1}, "unknown key scaling.divid. Near: divide"),
    ],
)
def test_a_scale_that_cannot_be_meant_is_refused(scaling, message):
    with pytest.raises(SpecError, match=message):
        red_reward(scaling=scaling)


def test_rewards_that_a_scale_makes_infinite_are_refused_by_every_way_to_score():
    reward = red_reward(scaling={"subtract": 3e38, "divide": 1e-3}, over_time={"kind": "difference"})
    plain = red_reward(scaling={"subtract": 3e38, "divide": 1e-3})
    frames = random_colours(3)
    for score in (
        plain.score,
        plain.explain,
        plain.score_episode,
        reward.score_episode,
        lambda pictures: plain.score_pairs(pictures, ["green"]),
    ):
        with pytest.raises(SpecError, match=r"rewards are NaN or infinite.*Look at scaling"):
            score(frames)


def test_a_scale_that_runs_along_is_gymnasiums_or_stable_baselines_own():
    """What the docstring of `vlmrm.rewards.transforms.scaling` sends users to."""

    def make():
        return CaptureFrame(CountingEnv((5,)), ColourEncoder().preprocessing)

    env = NormalizeReward(VLMReward(make(), red_reward()), gamma=0.9)
    venv = VecNormalize(VecVLMReward(DummyVecEnv([make]), red_reward()), norm_obs=False, gamma=0.9)
    env.reset(seed=0)
    venv.reset()
    ours = [env.step(0)[1] for _ in range(4)]
    theirs = [float(venv.step([0])[1][0]) for _ in range(4)]
    for rewards in (ours, theirs):
        assert max(rewards) > 1.5 * 100 / 255  # the rewards themselves are at most 100 / 255
