"""A judge that answers yes or no."""

import json
import math

import gymnasium as gym
import numpy as np
import pytest
import torch
from PIL.Image import fromarray

from tests.judges.tiny_llava import NO, QUESTION, WORDS, YES, frames, processor, tokenizer
from vlmrm import RewardSpec
from vlmrm.cli import main
from vlmrm.errors import EncoderError, FrameError, PromptError
from vlmrm.judges import YesNoJudge
from vlmrm.judges.yes_no import log_odds_of_words
from vlmrm.wrappers import VLMReward


def probabilities_by_hand(judge, frame, prompt):
    """Of every word, after a prompt that is written out."""
    inputs = judge.processor(
        images=[fromarray(frame.numpy())], text=[prompt], add_special_tokens=False, return_tensors="pt"
    )
    with torch.no_grad():
        row = judge.model.eval()(**inputs).logits[0, -1].double().softmax(dim=0)
    return dict(zip(WORDS, row.tolist(), strict=True))


def test_log_odds_are_those_of_all_spellings_of_the_first_word_of_the_answer(judge):
    batch = frames()
    odds, shares = judge.log_odds(batch), judge.probabilities(batch)
    assert odds.dtype == torch.float32
    for i, frame in enumerate(batch):
        words = probabilities_by_hand(judge, frame, f"<s>USER:<image> {QUESTION} BOT:")
        yes, no = sum(words[word] for word in YES), sum(words[word] for word in NO)
        assert float(odds[i]) == pytest.approx(math.log(yes) - math.log(no), abs=1e-4)
        assert float(shares[i]) == pytest.approx(yes / (yes + no), abs=1e-5)
    assert float(odds.max() - odds.min()) > 0.05  # the picture matters


def test_two_spellings_add_up_and_what_is_neither_yes_nor_no_does_not_count():
    logits = torch.tensor([0.1, 0.2, 0.1, 0.6]).log()
    assert float(log_odds_of_words(logits, yes=[0, 1], no=[2]).exp()) == pytest.approx(3.0)
    assert float(log_odds_of_words(logits + 50, yes=[0, 1], no=[2]).exp()) == pytest.approx(3.0, rel=1e-4)


def test_how_frames_are_split_into_batches_never_changes_a_score(judge):
    batch = frames(5)
    whole = judge.log_odds(batch)
    for size in (1, 2):
        parts = torch.cat([judge.log_odds(batch[i : i + size]) for i in range(0, 5, size)])
        assert torch.equal(parts, whole)
    assert torch.equal(judge.log_odds(batch.flip(0)), whole.flip(0))


def test_another_question_gets_another_answer(judge):
    other = YesNoJudge(judge.model, judge.processor, "is the picture blue?", name="tiny")
    assert bool((other.log_odds(frames()) - judge.log_odds(frames())).abs().max() > 1e-3)


def test_a_processor_without_a_chat_template_gets_a_plain_prompt(model):
    plain = YesNoJudge(model, processor(template=None), QUESTION, name="tiny")
    words = probabilities_by_hand(plain, frames(1)[0], f"<s><image>\n{QUESTION}\nAnswer:")
    expected = math.log(sum(words[word] for word in YES)) - math.log(sum(words[word] for word in NO))
    assert float(plain.log_odds(frames(1))) == pytest.approx(expected, abs=1e-4)
    del plain.processor.image_token
    with pytest.raises(EncoderError, match="neither a chat template nor a token that stands for a picture"):
        plain.log_odds(frames(1))


def test_an_answer_that_is_no_single_token_is_an_error(model):
    words = [f"#{word}" if word in NO else word for word in WORDS]
    with pytest.raises(EncoderError, match="'tiny' has no single token for 'no'"):
        YesNoJudge(model, processor(words=words), QUESTION, name="tiny")


def test_a_judge_needs_a_question_and_a_processor_of_pictures(model):
    with pytest.raises(PromptError, match="a judge needs a question; got ' '"):
        YesNoJudge(model, processor(), " ", name="tiny")
    with pytest.raises(EncoderError, match="no processor of pictures and words"):
        YesNoJudge(model, tokenizer(), QUESTION, name="tiny")


def test_a_reward_file_names_the_judge_and_the_wrapper_pays_what_it_says(folder, judge, tmp_path):
    path = tmp_path / "reward.toml"
    path.write_text(
        'encoder = "sim-xs"\nalpha = 0.0\nprompts = { goal = "a pole on its cart" }\n'
        f'judge = {{ model = "local-dir:{folder}", question = "{QUESTION}", above = -1.0, bonus = 2.0 }}\n'
    )
    env = VLMReward(gym.make("CartPole-v1", render_mode="rgb_array"), RewardSpec.load(path))
    env.reset(seed=0)
    *_, info = env.step(0)
    asked = float(judge.probabilities(torch.from_numpy(info["frame"])[None]))
    assert info["vlm_reward"] == pytest.approx(-1.0 + 2.0 * asked, abs=1e-5)
    assert 0 < asked < 1


def test_scoring_prints_the_judges_word_beside_the_score(folder, judge, tmp_path, capsys):
    shown, path = tmp_path / "frames.npy", tmp_path / "reward.toml"
    np.save(shown, frames(3).numpy())
    path.write_text(
        'encoder = "random:sim-xs"\nalpha = 0.0\nprompts = { goal = "a pole on its cart" }\n'
        f'judge = {{ model = "local-dir:{folder}", question = "{QUESTION}", above = -1.0, bonus = 2.0 }}\n'
    )
    assert main(["score", str(path), str(shown), "--json", "--device", "cpu"]) == 0
    rows = [row["rewards"] for row in json.loads(capsys.readouterr().out)["frames"]]
    expected = judge.probabilities(frames(3)).tolist()
    assert [row["judge"] for row in rows] == pytest.approx(expected, abs=1e-5)
    assert [row["score"] for row in rows] == pytest.approx([-1.0 + 2.0 * p for p in expected], abs=1e-5)
    assert [list(row) for row in rows] == [["score", "judge"]] * 3


def test_bad_pictures_are_refused(judge):
    with pytest.raises(FrameError, match="frames must not be empty"):
        judge.log_odds(frames(0))
    for pixels in (torch.full((1, 3, 8, 8), 1.5), torch.full((1, 3, 8, 8), math.nan), torch.zeros(0, 3, 8, 8)):
        with pytest.raises(FrameError, match="pixels must be 0 to 1, and at least one picture"):
            judge.log_odds_of_pixels(pixels)
