"""The models that come with the package: what they know of the tasks that name them, and what they weigh."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
import vlmrm_envs as envs
from vlmrm_envs.scenes.humanoid.poses import GOALS
from vlmrm_envs.table_top import caption, draw_tables, random_tables

from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.encoders import list_models
from vlmrm.encoders.cards import BUILTIN_FOLDER, builtin_names
from vlmrm.errors import OutOfDomainWarning
from vlmrm.metrics.labelled_scores import auroc
from vlmrm.wrappers.make_env import MakeEnv

FIRST_TASKS = {task.name.split("/")[0]: task for task in reversed(envs.tasks().values())}  # one of each scene


@pytest.mark.parametrize("name", builtin_names())
def test_a_model_weighs_no_more_than_a_picture_book(name):
    assert sum(file.stat().st_size for file in (BUILTIN_FOLDER / name).iterdir()) < 40e6


def test_every_model_has_a_card_that_says_what_it_knows():
    for card in list_models():
        assert card.description.startswith("A small CLIP of")
        assert card.knows
        assert len(card.words) > (100 if card.name.startswith("sim-") else 30)


@pytest.mark.parametrize("name", ["tab-xs", "tab-m"])
def test_a_model_of_the_table_top_tells_300_tables_apart_and_is_at_home_there(name):
    tables = random_tables(300, seed=7, twins=0.1)
    captions, frames = [caption(table) for table in tables], draw_tables(tables, seed=7, size_px=96)
    reward = RewardModel.from_spec(RewardSpec.clip_score(name))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = reward.score_pairs(frames, captions)
    right = torch.arange(300)
    assert (scores.argmax(dim=1) == right).float().mean() > 0.95
    assert (scores.argmax(dim=0) == right).float().mean() > 0.95
    with pytest.warns(OutOfDomainWarning, match="zebra"):
        reward.score_pairs(frames[:1], ["a small white zebra"])


@pytest.mark.parametrize("task", FIRST_TASKS.values(), ids=FIRST_TASKS)
def test_the_encoder_that_a_task_names_is_at_home_in_its_pictures(task):
    if not task.draws_itself:
        pytest.importorskip("mujoco")
    reward = RewardModel.from_spec(task.reward)
    env = MakeEnv(task=task, pictures=True, preprocessing=reward.capture)()
    frames = [env.reset(seed=seed)[1]["frame"] for seed in range(5)]
    env.action_space.seed(0)
    frames += [env.step(env.action_space.sample())[4]["frame"] for _ in range(30)]
    env.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reward.score(frames)


@pytest.mark.parametrize("task", envs.tasks().values(), ids=envs.tasks())
def test_the_encoder_that_a_task_names_knows_every_word_of_its_sentences(task):
    known = next(card.words for card in list_models() if card.name == task.reward.encoder)
    said = " ".join(task.reward.prompts.goal + task.reward.prompts.baseline).replace(",", " ").lower().split()
    assert set(said) <= known


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("encoder", ["sim-m", "sim-h"])
def test_the_humanoids_sentence_prefers_its_pose_and_a_sentence_about_a_pole_is_flat(encoder, goal):
    """More frames, held-out cameras and intervals: experiments/humanoid_rewards.py."""
    pytest.importorskip("mujoco")
    task = envs.task(f"humanoid/{goal}")
    reward = RewardModel.from_spec(replace(task.reward, encoder=encoder))
    drawn = envs.labelled_frames(task, 100, seed=1, size_px=reward.encoder.size_px)
    seen = reward.read(drawn.frames)
    assert auroc(reward.score(seen).numpy(), drawn.in_goal) > 0.9
    pole = PromptSet("pole vertically upright on top of the cart", "pole and cart")
    if encoder == "sim-h":  # which never read of one
        with pytest.warns(OutOfDomainWarning, match="'pole' is in no sentence that it learnt from"):
            RewardModel.load(encoder, pole)
    else:
        about_a_pole = RewardModel.load(encoder, pole, alpha=task.reward.alpha)
        assert np.ptp(about_a_pole.score(seen).numpy()) < 0.5 * np.ptp(reward.score(seen).numpy())
