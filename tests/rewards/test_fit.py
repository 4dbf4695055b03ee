"""`RewardModel.fit` and `standardize`: what is kept in the spec, and what comes out again."""

import json

import pytest
import torch
from gymnasium.wrappers import NormalizeReward
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from tests.toys import ColourEncoder, CountingEnv
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.agents import VecVLMReward
from vlmrm.errors import SpecError
from vlmrm.rewards.few_shot import fit_proker, fit_prototypes, fit_tip_adapter
from vlmrm.rewards.layers import FEW_SHOT
from vlmrm.rewards.support import Support
from vlmrm.wrappers import CaptureFrame, VLMReward

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0), "pink": (200, 90, 90)}
FITS = {"proker": fit_proker, "prototypes": fit_prototypes, "tip_adapter": fit_tip_adapter}


def shown(*colours):
    return torch.tensor([COLOURS[colour] for colour in colours], dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)


def red(**changes):
    return RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0, **changes))


FRAMES, LABELS = shown("green", "pink", "red", "blue"), [1, 1, 0, 0]  # against what the sentence says


@pytest.mark.parametrize("method", FITS)
def test_a_fitted_reward_is_the_methods_head_on_the_text_reward(method):
    plain, fitted = red(), red().fit(FRAMES, LABELS, method=method)
    support = Support(plain.embed(FRAMES), torch.tensor(LABELS, dtype=torch.float32))
    others = shown("green", "red", "black")
    torch.testing.assert_close(fitted.score(others), FITS[method](support, plain.head)(plain.embed(others)))


@pytest.mark.parametrize("method", FEW_SHOT)
def test_frames_move_the_reward_towards_their_labels(method):
    fitted = red().fit(FRAMES, LABELS, method=method)
    assert float(fitted.score(shown("green"))) > float(red().score(shown("green")))
    before, now = (reward.score(shown("green", "red")) for reward in (red(), fitted))
    assert float(now[0] - now[1]) > float(before[0] - before[1])


@pytest.mark.parametrize("method", FEW_SHOT)
def test_a_fitted_reward_comes_out_of_its_file_bit_for_bit(method, tmp_path):
    fitted = red().fit(FRAMES, LABELS, method=method)
    fitted.spec.save(tmp_path / "reward.json")
    spec = RewardSpec.load(tmp_path / "reward.json")
    assert spec == fitted.spec
    assert spec.hash() == fitted.spec.hash()
    others = shown("green", "red", "black", "blue")
    assert torch.equal(RewardModel(ColourEncoder(), spec).score(others), fitted.score(others))


def test_options_of_the_method_count_and_are_kept():
    fitted = red().fit(FRAMES, LABELS, method="proker", options={"ridge": 0.001, "beta": 20.0})
    assert fitted.spec.few_shot["ridge"] == 0.001
    assert fitted.score(FRAMES).tolist() == pytest.approx(LABELS, abs=0.05)


def test_fitting_again_starts_from_the_sentences_and_drops_what_belonged_to_other_scores():
    once = red().standardize(FRAMES).calibrate(FRAMES)
    twice = once.fit(FRAMES, LABELS).fit(FRAMES, LABELS)
    assert twice.spec == red().fit(FRAMES, LABELS).spec


def test_goal_pictures_take_the_place_of_the_sentence():
    goal = red().fit(shown("green", "green"), method="goal_pictures")
    assert goal.score(shown("green", "red")).tolist() == pytest.approx([1, 0], abs=1e-6)


def test_goal_pictures_with_pictures_of_the_plain_scene_are_projected_on_the_line_between_them():
    spec = RewardSpec(encoder="colour", prompts=PromptSet("blue", "grey"), alpha=1.0)
    goal = RewardModel(ColourEncoder(), spec).fit(shown("green", "red"), [1, 0], method="goal_pictures")
    assert goal.score(shown("green", "red")).tolist() == pytest.approx([1, 0], abs=1e-6)
    assert goal.head.alpha == 1.0
    assert float(goal.score(shown("black"))) == pytest.approx(0.75, abs=1e-6)  # half way along, as seen by alpha 1


@pytest.mark.parametrize(
    ("labels", "method", "options", "message"),
    [
        ([1, 1, 1, 1], "proker", {}, "all 4 frames have the same label"),
        (None, "proker", {}, "learns from success and failure, and no labels were given"),
        ([0, 1], "proker", {}, "one label for each of 4 frames; got 2"),
        ([0, 1, 2, 0], "proker", {}, "labels must lie in 0"),
        ([0, 0, 0, 0], "goal_pictures", {}, "goal pictures have the label 1"),
        ([0, 0.5, 1, 0], "goal_pictures", {}, "Progress in between is for"),
        ([0, 0, 1, 1], "procer", {}, "unknown method 'procer' in few_shot. Near: proker"),
        ([0, 0, 1, 1], "proker", {"rige": 1}, "no option 'rige'. Near: ridge"),
        ([0, 0, 1, 1], "proker", {"ridge": 0}, "ridge must be at least 0.001"),
    ],
)
def test_what_cannot_be_fitted_is_refused(labels, method, options, message):
    with pytest.raises(SpecError, match=message):
        red().fit(FRAMES, labels, method=method, options=options)


def test_a_method_without_frames_says_that_it_is_not_fitted():
    with pytest.raises(SpecError, match=r"'proker' has not been fitted.*vlmrm fit"):
        red(few_shot={"method": "proker"})


def test_frames_of_another_encoder_are_refused():
    table = red().fit(FRAMES, LABELS).spec.few_shot
    with pytest.raises(SpecError, match="fitted with 'other', and the reward's encoder is 'colour'"):
        red(few_shot=table | {"encoder": "other"})


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"embeddings": "AAAA!"}, "base64"),
        ({"embeddings": "AAAAAA=="}, "no row for each"),
        ({"labels": []}, "0 labels"),
    ],
)
def test_a_broken_file_is_named(broken, message):
    table = red().fit(FRAMES, LABELS).spec.few_shot
    with pytest.raises(SpecError, match=message):
        red(few_shot=table | broken)


def test_milestones_take_neither_frames_nor_another_scale():
    spec = {"encoder": "colour", "prompts": PromptSet(["red", "blue"]), "head": "milestones"}
    for layer in ({"few_shot": red().fit(FRAMES, LABELS).spec.few_shot}, {"scaling": {"divide": 2.0}}):
        with pytest.raises(SpecError, match="milestones have a probability each"):
            RewardSpec(**spec, **layer)


def test_standardized_scores_have_mean_0_and_deviation_1_and_keep_their_order():
    frames = shown("red", "pink", "black", "green", "blue")
    reward = red().standardize(frames)
    scores = reward.score(frames)
    assert float(scores.mean()) == pytest.approx(0, abs=1e-6)
    assert float(scores.std(correction=0)) == pytest.approx(1, abs=1e-6)
    assert scores.argsort(stable=True).tolist() == red().score(frames).argsort(stable=True).tolist()
    assert reward.standardize(frames).spec == reward.spec


def test_limits_clip_and_survive_standardizing():
    frames = shown("red", "pink", "black")
    reward = red(scaling={"highest": 0.5, "lowest": -0.5}).standardize(frames)
    assert (float(reward.score(frames).max()), float(reward.score(frames).min())) == (0.5, -0.5)


@pytest.mark.parametrize("frames", [shown("red"), shown("red", "red")])
def test_frames_that_show_no_scale_are_refused(frames):
    with pytest.raises(SpecError, match="scale"):
        red().standardize(frames)


@pytest.mark.parametrize(
    ("scaling", "message"),
    [
        ({"divide": 0}, "divide must be above 0"),
        ({"subtract": float("nan")}, "subtract must be a number"),
        ({"lowest": 1, "highest": 1}, "nothing lies between lowest=1 and highest=1"),
        ({"center": 1}, "scaling has no option 'center'"),
    ],
)
def test_a_scale_that_cannot_be_meant_is_refused(scaling, message):
    with pytest.raises(SpecError, match=message):
        red(scaling=scaling)


def test_a_threshold_over_another_scale_may_have_any_value():
    reward = red(scaling={"divide": 0.01}, threshold=50.0)
    assert reward.score(shown("red", "black")).tolist() == [1, 0]
    assert json.loads(json.dumps(reward.spec.to_dict()))["threshold"] == 50.0


def test_a_spec_is_saved_as_json_only(tmp_path):
    with pytest.raises(SpecError, match="a file that ends in"):
        red().spec.save(tmp_path / "reward.toml")
    red().spec.save(tmp_path / "reward.json")
    assert RewardSpec.load(tmp_path / "reward.json") == red().spec
    assert [path.name for path in tmp_path.iterdir()] == ["reward.json"]


def test_a_scale_that_runs_along_is_gymnasiums_or_stable_baselines_own():
    """What the docstring of `vlmrm.rewards.scaling` sends users to."""

    def make():
        return CaptureFrame(CountingEnv((5,)), ColourEncoder().preprocessing)

    env = NormalizeReward(VLMReward(make(), red()), gamma=0.9)
    venv = VecNormalize(VecVLMReward(DummyVecEnv([make]), red()), norm_obs=False, gamma=0.9)
    env.reset(seed=0)
    venv.reset()
    ours = [env.step(0)[1] for _ in range(4)]
    theirs = [float(venv.step([0])[1][0]) for _ in range(4)]
    for rewards in (ours, theirs):
        assert max(rewards) > 1.5 * 100 / 255  # the rewards themselves are at most 100 / 255
