"""Rewards for other trainers: called as TRL calls them, in every form of its data sets."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from vlmrm import RewardModel, RewardSpec
from vlmrm.errors import FrameError, PromptError, SpecError
from vlmrm.rlcf.hand_over import as_trl, preference_pairs

TEXTS = ["a pole on a cart", "a pendulum", "a car"]


@pytest.fixture(scope="module")
def model():
    return RewardModel.from_spec(RewardSpec.from_dict({"encoder": "random:sim-s", "alpha": 0.0}))


def picture(seed=0):
    random = np.random.default_rng(seed)
    return Image.fromarray(random.integers(0, 256, (64, 80, 3), np.uint8))


def scores(model, shown, texts):
    return model.score_pairs(torch.from_numpy(np.array(shown))[None], texts)[0].tolist()


def said(text):
    return [{"role": "assistant", "content": text}]


def test_every_form_of_completions_and_pictures_has_the_same_rewards(model):
    shown = picture()
    expected = pytest.approx(scores(model, shown, TEXTS), abs=1e-6)
    assert as_trl(model)(completions=TEXTS, image=[shown] * 3) == expected
    assert as_trl(model)(completions=[said(text) for text in TEXTS], images=[[shown]] * 3) == expected
    blocks = [said([{"type": "text", "text": text}]) for text in TEXTS]
    prompt = [{"role": "user", "content": [{"type": "image", "image": shown}, {"type": "text", "text": "what?"}]}]
    assert as_trl(model)(prompts=[prompt] * 3, completions=blocks) == expected
    column = as_trl(model, image_column="photo", text_from=lambda text: text.split(": ")[1])
    assert column(completions=[f"answer: {text}" for text in TEXTS], photo=[np.array(shown)] * 3) == expected


def test_a_group_s_picture_is_embedded_once_though_each_is_an_object_of_its_own(model):
    reward = as_trl(model)
    pictures = [picture(seed).copy() for seed in (0, 1) for _ in range(8)]
    found = reward(completions=(TEXTS * 6)[:16], image=pictures)
    assert reward.embedded == 2  # an eighth of the completions
    assert found[:3] == pytest.approx(scores(model, picture(0), TEXTS), abs=1e-6)


def test_a_missing_picture_is_skipped_counted_and_named(model, tmp_path, caplog):
    logged = {}
    file = tmp_path / "no_picture.png"
    file.write_text("nothing")
    given = [picture(), None, str(file), str(tmp_path / "nowhere.png")]
    found = as_trl(model)(completions=["a pole"] * 4, image=given, log_metric=logged.__setitem__)
    assert found[1:] == [None, None, None]
    assert logged["random:sim-s_reward/without_picture"] == 3.0
    assert "no_picture.png" in caplog.text
    assert "nowhere.png" in caplog.text
    paid = as_trl(model, on_missing=-1.0, name="seen")
    assert paid(completions=["a pole"], image=[None], log_metric=logged.__setitem__) == [-1.0]
    assert logged["seen/without_picture"] == 1.0  # though no row has a picture, and each a reward


def test_what_a_tool_answered_is_not_said_by_the_policy(model):
    called = {"role": "assistant", "content": None, "tool_calls": [{"name": "zoom"}]}
    turns = [called, {"role": "tool", "name": "zoom", "content": "a car"}, *said(TEXTS[0])]
    assert as_trl(model)(completions=[turns], image=[picture()]) == pytest.approx(scores(model, picture(), TEXTS[:1]))


def test_it_is_no_module_and_goes_into_a_spawned_process_where_it_gives_the_same_rewards(model):
    """TRL's asynchronous worker is such a process."""
    reward = as_trl(model)
    batch = {"completions": TEXTS, "image": [picture()] * 3}
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(reward, **batch).result(timeout=120) == pytest.approx(reward(**batch), abs=1e-6)
    assert len(pickle.dumps(reward)) < 5_000  # a spec, not a model
    assert not isinstance(reward, torch.nn.Module)
    assert pickle.loads(pickle.dumps(reward)).__name__ == "random:sim-s_reward"  # our own bytes


def test_what_cannot_be_is_refused(model):
    with pytest.raises(FrameError, match="2 rows for 1"):
        as_trl(model)(completions=["a pole"], image=[picture(), picture()])
    with pytest.raises(SpecError, match="completions"):
        as_trl(model)(prompts=["what?"])
    shaped = {"encoder": "random:sim-s", "prompts": {"goal": "a"}, "over_time": {"kind": "window", "length": 2}}
    over_time = RewardModel.from_spec(RewardSpec.from_dict(shaped))
    with pytest.raises(SpecError, match="over_time"):
        as_trl(over_time)


def test_preferences_are_the_best_and_the_worst_candidate(model):
    found = scores(model, picture(), TEXTS)
    best, worst = TEXTS[int(np.argmax(found))], TEXTS[int(np.argmin(found))]
    (row,) = preference_pairs(model, [picture()], [TEXTS], prompt="what is it?")
    assert row["chosen"][0]["content"][0]["text"] == best
    assert row["rejected"][0]["content"][0]["text"] == worst
    assert row["prompt"][0]["content"][1]["text"] == "what is it?"
    assert row["images"][0].size == (80, 64)
    assert preference_pairs(model, [picture()], [TEXTS], margin=max(found) - min(found) + 1e-3) == []
    assert preference_pairs(model, [picture()], [TEXTS], filters=[lambda text: text == best]) == []
    with pytest.raises(PromptError, match="one list"):
        preference_pairs(model, [picture()], [])
