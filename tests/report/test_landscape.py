import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from tests.toys import ColourEncoder
from tests.training.toy_runs import Lamp
from vlmrm.errors import SpecError
from vlmrm.prompts import PromptSet
from vlmrm.report import draw_landscape, measure_landscape
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.tasks import SuccessRule, Sweep
from vlmrm.training.curves import draw_curves
from vlmrm.training.run.metrics import MetricsRow

SWEEP = Sweep(variable="brightness", low=0.0, high=1.0, label="brightness")
RULE = SuccessRule(where={"brightness": (0.5, 1.0)}, within_last=1, at_least=1)


def reward(alpha=0.5):
    prompts = PromptSet("red", "black")
    return RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=prompts, alpha=alpha))


def test_the_landscape_shows_where_the_reward_peaks_and_where_the_goal_is():
    landscape = measure_landscape(Lamp("rgb_array"), reward(), SWEEP, rule=RULE, points=5)
    assert landscape.values.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert landscape.in_goal.tolist() == [False, False, True, True, True]
    np.testing.assert_allclose(landscape.rewards[0], np.round(255 * landscape.values) / 255, atol=1e-6)  # alpha 0
    assert all(landscape.peak(alpha) == 1.0 for alpha in landscape.alphas)


def test_the_rewards_own_alpha_is_among_the_curves():
    landscape = measure_landscape(Lamp("rgb_array"), reward(alpha=0.3), SWEEP, points=3)
    assert landscape.alphas == (0.0, 0.25, 0.3, 0.5, 0.75, 1.0)
    np.testing.assert_allclose(landscape.rewards[2], landscape_of_one(0.3), atol=1e-6)


def test_a_reward_with_another_head_has_one_curve(tmp_path):
    spec = RewardSpec(encoder="colour", prompts=PromptSet("red", negatives="black"), head="contrast")
    landscape = measure_landscape(Lamp("rgb_array"), RewardModel(ColourEncoder(), spec), SWEEP, points=3)
    assert landscape.rewards.shape == (1, 3)
    assert landscape.rewards[0, 0] == pytest.approx(-1, abs=1e-6)  # black, which is the negative
    assert landscape.rewards[0, 2] == pytest.approx(1, abs=1e-6)
    assert draw_landscape(landscape, tmp_path / "landscape.png").is_file()


def landscape_of_one(alpha):
    lamp, model = Lamp("rgb_array"), reward(alpha)
    frames = []
    for value in (0.0, 0.5, 1.0):
        lamp.place(value)
        frames.append(lamp.render())
    return model.score(frames).numpy()


def test_an_environment_that_cannot_be_placed_is_refused():
    env = gym.make("CartPole-v1", render_mode="rgb_array")
    with pytest.raises(SpecError, match=r"has no place\(value\)"):
        measure_landscape(env, reward(), SWEEP)


def test_figures_are_written_whole(tmp_path):
    landscape = measure_landscape(Lamp("rgb_array"), reward(), SWEEP, rule=RULE, points=9)
    rows = [
        MetricsRow(step=step, time_s=0.0, eval_success=step / 20, train_vlm_reward=0.5, eval_vlm_reward=0.6)
        for step in (0, 10, 20)
    ]
    paths = [
        draw_landscape(landscape, tmp_path / "landscape.png", title="a title", chosen=0.5),
        draw_curves(rows, tmp_path / "curves.png", levels={"random policy": 0.1}, compared=rows),
        draw_curves([], tmp_path / "empty.png"),
    ]
    for path in paths:
        with Image.open(path) as picture:
            assert min(picture.size) > 200
            assert len(np.unique(np.asarray(picture))) > 10  # something is drawn
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in paths}


def test_drawing_leaves_matplotlibs_global_state_alone(tmp_path):
    import matplotlib.pyplot as plt

    draw_curves([MetricsRow(step=0, time_s=0.0, eval_env_return=1.0)], tmp_path / "curves.png")
    assert plt.get_fignums() == []
