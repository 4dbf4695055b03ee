"""Heads from a file: the same numbers as their functions give, and a clear no for what makes none."""

import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import InvisibleGoalWarning, PromptError, SpecError
from vlmrm.rewards.auto_clip import auto_clip
from vlmrm.rewards.factors import every_combination, ideal_words

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0)}


def shown(*colours):
    return torch.tensor([COLOURS[colour] for colour in colours], dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)


def from_toml(folder, text):
    path = folder / "reward.toml"
    path.write_text(text)
    return RewardModel(ColourEncoder(), RewardSpec.load(path))


def test_auto_clip_from_a_file_has_goal_baseline_and_negatives_as_classes(tmp_path):
    reward = from_toml(
        tmp_path,
        """
        encoder = "colour"
        head = "auto_clip"
        [options]
        templates = ["{}", "{} grey", "not blue but {}"]
        entropy_share = 0.5
        temperature = 0.2
        [prompts]
        goal = ["red", "black"]
        baseline = "grey"
        negatives = ["green", "blue"]
        """,
    )
    encoder, frames = ColourEncoder(), shown("red", "green", "black")
    goal = torch.nn.functional.normalize(encoder.embed_texts(["red", "black"]).mean(dim=0), dim=0)[None]
    rows = [torch.cat([goal, encoder.embed_texts(["grey", "green", "blue"])])] * 3  # the toy hears the last colour
    rows[1] = encoder.embed_texts(["grey"] * 4)
    texts = torch.stack(rows)
    expected = auto_clip(encoder.embed_frames(frames), texts, scale=5.0, entropy_share=0.5)
    torch.testing.assert_close(reward.score(frames), expected)


def test_a_factored_goal_from_a_file_tells_its_parts(tmp_path):
    reward = from_toml(
        tmp_path,
        """
        encoder = "colour"
        head = "factored"
        [options.factors]
        first = ["red", "black"]
        last = ["green", ""]
        [prompts]
        goal = "{first} {last}"
        """,
    )
    sentences, indices = every_combination("{first} {last}", {"first": ["red", "black"], "last": ["green", ""]})
    goal = ideal_words(ColourEncoder().embed_texts(list(sentences)), indices).compose([0, 0])
    frames = reward.embed(shown("red", "green", "black"))
    torch.testing.assert_close(reward.head(frames), frames @ (goal / goal.norm()))
    shares = reward.head.breakdown(frames)
    assert shares.shape == (3, 2)
    assert float(shares[1, 1]) > 0 > float(shares[0, 1])  # green is shown by the second frame and not by the first


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"head": "auto_clip"}, SpecError, "head 'auto_clip' needs 'templates'"),
        ({"head": "auto_clip", "options": {"templates": []}}, PromptError, "at least one template"),
        ({"head": "auto_clip", "options": {"templates": ["a photo"]}}, PromptError, "exactly one {}"),
        (
            {"head": "auto_clip", "options": {"templates": ["{}"], "entropy_share": 2}},
            SpecError,
            "entropy_share must lie",
        ),
        ({"head": "factored"}, SpecError, "head 'factored' needs 'factors'"),
        ({"head": "factored", "options": {"factors": {"a": ["red", "blue"]}}}, PromptError, "the factor 'a' is not in"),
    ],
)
def test_what_makes_no_head_is_refused(changes, error, message):
    with pytest.raises(error, match=message):
        RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0, **changes))


def test_a_factored_goal_is_one_pattern():
    options = {"factors": {"a": ["red", "blue"]}}
    spec = RewardSpec(
        encoder="colour", prompts=PromptSet(["{a}", "{a} red"]), alpha=0.0, head="factored", options=options
    )
    with pytest.raises(SpecError, match="a factored goal is one pattern"):
        RewardModel(ColourEncoder(), spec)


def test_a_goal_that_no_picture_can_show_gives_a_warning():
    class KnowsVirtue(ColourEncoder):
        def embed_texts(self, texts):
            return super().embed_texts(["red"] * len(texts))

    spec = RewardSpec(encoder="colour", prompts=PromptSet("a good state"), alpha=0.0)
    with pytest.warns(InvisibleGoalWarning, match="a good state"):
        RewardModel(KnowsVirtue(), spec)
