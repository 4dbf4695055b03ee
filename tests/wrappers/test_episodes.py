"""What is taken for a reward, how it is written down, and what steps of episodes are paid."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.golden.cases import BrightnessJudge
from tests.toys import red_function, red_reward, red_spec
from vlmrm import PromptSet, RewardModel
from vlmrm.errors import PairingError, SpecError, SurvivalBonusWarning, VlmrmWarning
from vlmrm.wrappers.episodes import EpisodeRewards, as_reward, written
from vlmrm.wrappers.fitting_frames import require_fitting_cameras, require_fitting_frames

SAID = {
    "alone": red_spec(),
    "scaled": red_spec(scaling={"subtract": 0.25, "divide": 0.5, "highest": 1.0}),
    "binary": red_spec(threshold=0.5, resize_mode="squash", render_quality="fast"),
    "over time": red_spec(over_time={"kind": "shaping", "gamma": 0.9}, views={"scales": [1.0, 0.5]}),
    "another head": red_spec(
        prompts=PromptSet("red", negatives=["blue", "green"]), head="softmax", options={"temperature": 0.1}
    ),
}


@pytest.mark.parametrize("given", ["a pole upright", None, 3])
def test_something_that_is_no_reward_is_refused_with_an_example(given):
    with pytest.raises(SpecError, match=rf"got {type(given).__name__}.*RewardModel\.load"):
        as_reward(given)


@pytest.mark.parametrize("make", [red_reward, red_function])
def test_a_reward_that_is_loaded_is_used_as_it_is(make):
    reward = make()
    assert as_reward(reward) is reward
    assert EpisodeRewards(reward).reward is reward


@pytest.mark.parametrize("spec", SAID.values(), ids=SAID.keys())
def test_what_is_written_of_a_reward_makes_the_same_reward_again(spec, colour_models):
    values = json.loads(json.dumps(written(as_reward(spec), None)))
    assert values == spec.to_dict()
    assert as_reward(values).spec == spec
    assert len(colour_models) == 2


@pytest.mark.parametrize(
    ("said", "drawn", "kept"), [(None, "fast", "fast"), (None, None, None), ("full", None, "full")]
)
def test_the_quality_that_frames_are_drawn_in_is_written_with_the_reward(said, drawn, kept):
    assert written(red_reward(render_quality=said), drawn).get("render_quality") == kept


def test_of_a_function_its_name_is_written_and_asked_for_again():
    assert written(red_function(), "fast") == {"function": "red"}
    with pytest.raises(SpecError, match=r"the function red, which a spec .* cannot hold.*FunctionReward\(function\)"):
        as_reward(written(red_function(), None))


def test_values_that_are_no_spec_are_refused_with_the_path_of_the_key():
    with pytest.raises(SpecError, match=r"unknown key scaling\.divid\. Near: divide"):
        as_reward(red_spec().to_dict() | {"scaling": {"divid": 2.0}})


def test_a_function_takes_frames_of_any_size_and_quality():
    require_fitting_frames(None, "fast", red_function())
    require_fitting_frames(red_reward().capture, None, red_function())


def test_of_an_environment_that_draws_itself_nobody_knows_what_its_picture_shows():
    with pytest.warns(VlmrmWarning, match="joins left, right: its picture is taken for 2 side by side. If it is one"):
        require_fitting_cameras(None, red_reward(cameras={"names": ["left", "right"]}))
    require_fitting_cameras(None, red_reward(cameras={"names": ["only"]}))
    require_fitting_cameras(None, red_reward())


def test_a_judge_sees_frames_as_they_were_drawn():
    plain = red_reward()
    table = {"model": "m", "question": "Is it red?", "above": 0.5}
    judged = RewardModel(plain.encoder, replace(plain.spec, judge=table), BrightnessJudge())
    require_fitting_frames(None, None, judged)
    with pytest.raises(PairingError, match="the judge of this reward looks at frames as they were drawn"):
        require_fitting_frames(plain.capture, None, judged)


def test_the_weight_of_the_environments_own_reward_is_a_number():
    with pytest.raises(SpecError, match="env_weight must be a number; got nan"):
        EpisodeRewards(red_reward(), env_weight=float("nan"))


@pytest.mark.parametrize("make", [red_reward, red_function])
def test_the_batch_never_changes_a_reward(make):
    reward, own = make(), np.zeros(5)
    frames = np.zeros((5, 8, 8, 3), np.uint8)
    frames[..., 0] = np.arange(5)[:, None, None] * 50
    one_by_one = [EpisodeRewards(reward).step(frame, np.array([False]), own[:1]).total for frame in frames]
    together = EpisodeRewards(reward, num_envs=5).step(frames, np.zeros(5, np.bool_), own).total
    np.testing.assert_array_equal(together, np.concatenate(one_by_one))
    np.testing.assert_allclose(together, np.arange(5) * 50 / 255, atol=1e-6)


def shades(*red):
    frames = np.zeros((len(red), 8, 8, 3), np.uint8)
    frames[..., 0] = np.array(red)[:, None, None]
    return frames


def warned_of(reward, frames):
    """The warning of steps side by side that all end their episode."""
    rewards = EpisodeRewards(reward, num_envs=len(frames))
    with pytest.warns(SurvivalBonusWarning) as caught:
        rewards.step(frames, np.ones(len(frames), np.bool_), np.zeros(len(frames)))
    assert len(caught) == 1
    return str(caught[0].message)


FOUR = shades(102, 153, 102, 153)  # red 0.4, 0.6, 0.4, 0.6: a mean of 0.5


@pytest.mark.parametrize(
    ("scaling", "advice", "expected"),
    [
        (None, "scaling = { subtract = 0.5 }", {"subtract": 0.5}),
        ({"subtract": 0.1}, "scaling = { subtract = 0.5 }", {"subtract": 0.5}),
        ({"divide": 0.2}, "scaling = { subtract = 0.5, divide = 0.2 }", {"subtract": 0.5, "divide": 0.2}),
        (  # scores 1.5, 2.5 are clipped to 1.5, 2.1: a mean of 1.8
            {"subtract": 0.1, "divide": 0.2, "lowest": 0.0, "highest": 2.1},
            "scaling = { subtract = 0.46, divide = 0.2, lowest = -1.8, highest = 0.3 }",
            {"subtract": 0.46, "divide": 0.2, "lowest": -1.8, "highest": 0.3},
        ),
    ],
)
def test_the_scaling_that_the_warning_names_takes_the_constant_part_off_and_nothing_else(scaling, advice, expected):
    before = red_reward(scaling=scaling)
    assert warned_of(before, FOUR).endswith(f"or take the constant off: {advice}.")
    after = red_reward(scaling=expected)
    constant = before.score(FOUR) - after.score(FOUR)
    assert constant.tolist() == pytest.approx([float(before.score(FOUR).mean())] * 4, abs=1e-5)
    paid = EpisodeRewards(after, num_envs=4).step(FOUR, np.ones(4, np.bool_), np.zeros(4))  # warnings are errors
    assert paid.total.mean() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    "words", [{"threshold": 0.3}, {"over_time": {"kind": "window", "length": 2}}], ids=["threshold", "over_time"]
)
def test_where_no_scaling_has_the_same_effect_the_warning_names_none(words):
    reward = red_reward(**words)
    rewards = EpisodeRewards(reward, num_envs=4)
    rewards.begin(FOUR)
    with pytest.warns(SurvivalBonusWarning) as caught:
        rewards.step(FOUR, np.ones(4, np.bool_), np.zeros(4))
    message = str(caught[0].message)
    assert message.endswith("Use episodes of one length ended by truncation.")
    assert "scaling" not in message


def test_the_constant_part_of_a_function_is_to_be_taken_off_in_the_function():
    message = warned_of(red_function(), FOUR)
    assert message.endswith("or take the constant off in the function: 0.500.")
    assert "scaling" not in message
