"""A reward meets a task's frames as it reads them, whichever door they come through: its cameras, and its quality."""

from dataclasses import replace

import numpy as np
import pytest
import vlmrm_envs as envs

from vlmrm import RewardModel
from vlmrm.data import TaskStates
from vlmrm.errors import PairingError, SpecError
from vlmrm.exploits import SimulatorStates
from vlmrm.metrics import auroc
from vlmrm.rendering import Camera
from vlmrm.report import evaluate
from vlmrm.report.candidates import candidates_of
from vlmrm.rewards.function import FunctionReward
from vlmrm.search import search_camera
from vlmrm.search.split import read_source
from vlmrm.search.views import CameraSearch
from vlmrm.wrappers.drawn_for import drawn_for

ONE = envs.task("inverted_pendulum/upright")
CAMERAS = {"front": ONE.camera, "side": Camera(track="cart", distance_m=2.0, azimuth_deg=0.0)}
TASK = replace(ONE, camera=None, cameras=CAMERAS)
PLAIN = replace(ONE.reward, encoder="sim-xs", render_quality=None)
POINTS = np.array([[angle, 0.0] for angle in (0.0, 40.0, 80.0)])


def joined(*names):
    """Nearly all weight is the front's, whatever the order."""
    return replace(PLAIN, cameras={"names": list(names), "weights": {"front": 0.99, "side": 0.01}})


@pytest.fixture(scope="module")
def straight():
    return RewardModel.from_spec(joined("front", "side"))


@pytest.fixture(scope="module")
def swapped(straight):
    return straight.with_spec(joined("side", "front"))


def scores_of(task, reward):
    with SimulatorStates(task, reward) as states:
        return states.evaluate(POINTS).scores


def test_states_score_alike_in_whatever_order_a_reward_names_the_cameras(straight, swapped):
    scores = scores_of(TASK, straight)
    assert np.ptp(scores) > 0.05
    assert scores_of(TASK, swapped) == pytest.approx(scores, abs=1e-5)
    assert scores_of(TASK.with_reward(swapped.spec), swapped) == pytest.approx(scores, abs=1e-5)


def test_a_report_of_swapped_cameras_has_the_same_numbers(straight, swapped):
    source = TaskStates(task=TASK, n=60)
    frames = read_source(source, straight)
    scores = straight.score(frames.features).double().numpy()
    assert swapped.score(read_source(source, swapped).features).numpy() == pytest.approx(scores, abs=1e-5)
    measures = evaluate(swapped, source, controls=False).best.evidence.measures
    assert measures.auroc.value == pytest.approx(auroc(scores, frames.in_goal))


def test_rewards_that_need_other_frames_are_not_judged_on_one_page(straight, swapped):
    with pytest.raises(SpecError, match=r"from front, side and .* from side, front, so the same"):
        evaluate({"a": straight, "b": swapped}, TaskStates(task=TASK, n=60))
    full = straight.with_spec(replace(joined("front", "side"), render_quality="full"))
    with pytest.raises(SpecError, match=r"quality fast from .* quality full from"):
        evaluate({"a": straight, "b": full}, TaskStates(task=TASK, n=60))


def test_a_report_fills_in_the_cameras_of_the_task_as_an_audit_does():
    (candidate,) = candidates_of(PLAIN, controls=False, task=TASK)
    assert candidate.spec == TASK.with_reward(PLAIN).reward
    assert list(candidate.spec.cameras.names) == ["front", "side"]
    with pytest.raises(PairingError, match="the reward is for one camera, and the frames show the cameras front, side"):
        read_source(TaskStates(task=TASK, n=60), RewardModel.from_spec(PLAIN))


def test_pictures_have_the_quality_that_the_reward_names():
    full = RewardModel.from_spec(replace(PLAIN, render_quality="full"))
    assert ONE.render_quality == "fast"
    assert drawn_for(ONE, full).render_quality == "full"
    scores = scores_of(ONE, full)
    assert scores == pytest.approx(scores_of(replace(ONE, render_quality="full", reward=full.spec), full))
    assert np.abs(scores - scores_of(ONE, full.with_spec(PLAIN))).max() > 1e-3
    features = [
        read_source(TaskStates(task=ONE, n=40), one).features.embeddings for one in (full, full.with_spec(PLAIN))
    ]
    assert (features[0] - features[1]).abs().max() > 1e-3


def test_a_camera_is_searched_in_the_quality_of_each_reward():
    rewards = {"fast": PLAIN, "full": replace(PLAIN, render_quality="full")}
    options = CameraSearch(views=1, frames=100, held_out=120, finalists=0, pairs=0)
    result = search_camera(ONE, rewards=rewards, options=options)
    fast, full = (next(one for one in result.ranked if one.name.startswith(name)) for name in rewards)
    assert fast.search.margin != full.search.margin


def test_a_camera_is_searched_for_a_task_that_has_several():
    options = CameraSearch(views=1, frames=100, held_out=120, finalists=0, pairs=0)
    task = replace(TASK, reward=PLAIN)
    result = search_camera(task, around=CAMERAS["front"], options=options)
    alone = search_camera(replace(ONE, reward=PLAIN), options=options)
    assert result.ranked[0].search == alone.ranked[0].search
    with pytest.raises(SpecError, match="joins front, side in a way of its own, and a search moves one camera"):
        search_camera(replace(TASK, reward=joined("front", "side")), around=CAMERAS["front"], options=options)


def test_a_reward_without_a_spec_takes_the_frames_as_they_are():
    dark = FunctionReward(lambda frames: 255 - frames.float().mean(dim=(1, 2, 3)))
    assert drawn_for(TASK, dark) is TASK
