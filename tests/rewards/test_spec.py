import hashlib
import json

import pytest

from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import PromptError, SpecError

PROMPTS = PromptSet(["a red car", "a car that is red"], "a car")


def spec(**changes):
    return RewardSpec(**{"encoder": "sim-s", "prompts": PROMPTS, "alpha": 0.5} | changes)


def test_a_spec_survives_json():
    assert RewardSpec.from_dict(json.loads(json.dumps(spec().to_dict()))) == spec()


def test_the_hash_is_the_same_everywhere_and_changes_with_every_field():
    assert spec().hash() == spec().hash() == "5387da8aae77b891"
    changes = [
        {"encoder": "sim-m"},
        {"alpha": 0.4},
        {"prompts": PromptSet("a red car", "a car")},
        {"resize_mode": "squash"},
        {"render_quality": "fast"},
    ]
    assert len({spec().hash(), *(spec(**change).hash() for change in changes)}) == 6


def test_an_option_that_is_not_used_is_not_in_the_hash():
    """Else every option that a later version brings would change the hash of every reward of today."""
    said = (
        '{"alpha":0.5,"encoder":"sim-s","head":"projection",'
        '"prompts":{"baseline":["a car"],"goal":["a red car","a car that is red"]}}'
    )
    assert spec().hash() == hashlib.sha256(said.encode()).hexdigest()[:16]


def test_an_unknown_render_quality_names_the_known_ones():
    with pytest.raises(SpecError, match="Known: full, fast"):
        spec(render_quality="best")


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_spec_is_read_from_a_file(tmp_path, suffix):
    path = tmp_path / f"reward{suffix}"
    if suffix == ".json":
        path.write_text(json.dumps(spec().to_dict()))
    else:
        path.write_text(
            'encoder = "sim-s"\nalpha = 0.5\n[prompts]\ngoal = ["a red car", "a car that is red"]\nbaseline = "a car"\n'
        )
    assert RewardSpec.load(path) == spec()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("encoder = ", "neither TOML nor JSON"),
        ('encodr = "sim-s"', "Near: encoder"),
        ('encoder = "sim-s"\ngoal = "a"', r"goal belongs in the table prompts"),
        ('encoder = "sim-s"', "needs 'prompts'"),
        ('encoder = "sim-s"\n[prompts]\ngaol = "a car"', "Near: goal"),
        ('encoder = "sim-s"\nhead = "projecton"\nalpha = 0.0\n[prompts]\ngoal = "a car"', "Near: projection"),
    ],
)
def test_a_wrong_file_is_named_with_the_nearest_right_word(tmp_path, text, message):
    path = tmp_path / "reward.toml"
    path.write_text(text)
    with pytest.raises((SpecError, PromptError), match=message):
        RewardSpec.load(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SpecError, match="no reward spec at"):
        RewardSpec.load(tmp_path / "nothing.toml")


@pytest.mark.parametrize("alpha", [-0.01, 1.01])
def test_alpha_outside_0_to_1_is_refused(alpha):
    with pytest.raises(SpecError, match="0 to 1"):
        spec(alpha=alpha)


def test_a_projection_needs_a_baseline_and_the_cosine_does_not():
    with pytest.raises(SpecError, match="no baseline was given"):
        spec(prompts=PromptSet("a red car"))
    assert spec(prompts=PromptSet("a red car"), alpha=0.0).alpha == 0


def test_alpha_left_out_is_what_the_sentences_allow(tmp_path):
    """One sentence alone is a reward, without a word about alpha."""
    assert RewardSpec(encoder="sim-s", prompts=PROMPTS).alpha == 0.5
    assert RewardSpec(encoder="sim-s", prompts=PromptSet("a red car")).alpha == 0
    path = tmp_path / "reward.toml"
    path.write_text('encoder = "sim-s"\nprompts = { goal = "a red car" }\n')
    assert RewardSpec.load(path).alpha == 0
    assert RewardModel.load("sim-xs", PromptSet("a pole")).spec.alpha == 0
    assert RewardModel.load("sim-xs", PromptSet("a pole", "a cart")).spec.alpha == 0.5


def test_an_unknown_resize_mode_is_refused():
    with pytest.raises(SpecError, match="shortest, longest, squash"):
        spec(resize_mode="crop")
