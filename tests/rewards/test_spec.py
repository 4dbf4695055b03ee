"""A reward as a record: written down, read again, compared, and refused where it cannot be meant."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import PromptError, SpecError
from vlmrm.rewards.heads.projection import ProjectionOptions
from vlmrm.rewards.over_time.shaping import ShapingOptions
from vlmrm.rewards.transforms.scaling import ScalingOptions

PROMPTS = PromptSet(["a red car", "a car that is red"], "a car")


def spec(**changes):
    return RewardSpec(**{"encoder": "sim-s", "prompts": PROMPTS, "alpha": 0.5} | changes)


def test_a_spec_survives_json():
    assert RewardSpec.from_dict(json.loads(json.dumps(spec().to_dict()))) == spec()


def test_the_hash_is_the_same_everywhere_and_changes_with_every_field():
    assert spec().hash() == spec().hash() == "8f47bed8de08218f"
    changes = [
        {"encoder": "sim-m"},
        {"alpha": 0.4},
        {"prompts": PromptSet("a red car", "a car")},
        {"resize_mode": "squash"},
        {"render_quality": "fast"},
    ]
    assert len({spec().hash(), *(spec(**change).hash() for change in changes)}) == 6


def test_what_has_its_default_is_not_in_the_hash():
    """Else every option that a later version brings would change the hash of every reward of today."""
    said = '{"alpha":0.5,"encoder":"sim-s","prompts":{"baseline":["a car"],"goal":["a red car","a car that is red"]}}'
    assert spec().hash() == hashlib.sha256(said.encode()).hexdigest()[:16]


def test_for_other_scores_goes_what_names_a_score_and_stays_what_does_not():
    judge = {"model": "a/b", "question": "Is it red?", "above": 0.6}
    whole = RewardSpec.from_dict(
        {"encoder": "sim-s", "prompts": {"goal": "red"}, "views": {"scales": [0.5]}, "judge": judge}
        | {"scaling": {"divide": 2}, "threshold": 0.4}
    )
    assert list(whole.for_other_scores().transforms()) == ["views"]
    assert (whole.asks_a_model, whole.for_other_scores().asks_a_model) == (True, False)


def test_an_unknown_render_quality_names_the_known_ones():
    with pytest.raises(SpecError, match="Known: full, fast"):
        spec(render_quality="best")


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
    with pytest.raises(SpecError, match=r"unknown resize_mode .crop.*longest, shortest, squash"):
        spec(resize_mode="crop")


@pytest.mark.parametrize(
    ("left_out", "written"),
    [
        ({}, {"head": "projection"}),
        ({}, {"options": {}}),
        ({}, {"options": ProjectionOptions()}),
        ({}, {"alpha": 0.5}),
        ({}, {"scaling": {}}),
        ({}, {"scaling": {"subtract": 0.0, "divide": 1.0}}),
        ({}, {"scaling": ScalingOptions()}),
        ({}, {"few_shot": None, "threshold": None, "views": None, "judge": None, "over_time": None}),
        ({"scaling": {"divide": 2.0}}, {"scaling": {"divide": 2.0, "subtract": 0.0, "lowest": None}}),
        ({"scaling": {"divide": 2.0}}, {"scaling": {"divide": 2}}),
        ({"views": {"scales": [1.0, 0.5]}}, {"views": {"scales": (1, 0.5), "positions": "centre"}}),
        (
            {"judge": {"model": "m", "question": "q", "above": 0.5}},
            {"judge": {"model": "m", "question": "q", "above": 0.5, "bonus": 1.0}},
        ),
        ({"uncertainty": {"ensemble": "prompts"}}, {"uncertainty": {"ensemble": "prompts", "kappa": 0.0}}),
        ({"over_time": {"kind": "milestones"}}, {"over_time": {"kind": "milestones", "hold": 1, "share": 0.5}}),
    ],
)
def test_a_default_may_be_written_or_left_out(left_out, written):
    one, other = spec(**left_out), spec(**left_out | written)
    assert one == other
    assert one.hash() == other.hash()
    assert one.to_dict() == other.to_dict()


def test_the_path_of_an_uncertainty_file_is_not_in_the_hash_and_its_content_is():
    table = {"file": "here/a.safetensors", "sha256": "0" * 64, "fingerprint": "f"}
    marks = [spec(uncertainty=table | change).hash() for change in ({}, {"file": "elsewhere"}, {"sha256": "1" * 64})]
    assert marks[0] == marks[1] != marks[2]


def test_the_order_of_keys_in_a_file_does_not_matter(tmp_path):
    for name, text in (
        ("one", 'encoder = "sim-s"\nscaling = { divide = 2, subtract = 0.1 }\nprompts = { goal = "a car" }\n'),
        ("other", 'prompts = { goal = ["a car"] }\nscaling = { subtract = 0.1, divide = 2.0 }\nencoder = "sim-s"\n'),
    ):
        (tmp_path / f"{name}.toml").write_text(text)
    one, other = (RewardSpec.load(tmp_path / f"{name}.toml") for name in ("one", "other"))
    assert one == other
    assert one.hash() == other.hash()


def test_tables_become_records_wherever_they_are_given():
    for made in (
        spec(scaling={"divide": 2.0}, over_time={"kind": "shaping", "gamma": 0.9}),
        spec(scaling=ScalingOptions(divide=2.0), over_time=ShapingOptions(gamma=0.9)),
        RewardSpec.from_dict(spec(scaling={"divide": 2.0}, over_time={"kind": "shaping", "gamma": 0.9}).to_dict()),
    ):
        assert made.scaling == ScalingOptions(divide=2.0)
        assert made.over_time == ShapingOptions(gamma=0.9)
        assert made.options == ProjectionOptions()
        assert made.prompts == PROMPTS


def test_only_what_was_said_is_written():
    assert spec(scaling={"divide": 2.0, "subtract": 0.0}, over_time={"kind": "difference"}).to_dict() == {
        "encoder": "sim-s",
        "prompts": {"goal": ["a red car", "a car that is red"], "baseline": ["a car"]},
        "alpha": 0.5,
        "scaling": {"divide": 2.0},
        "over_time": {"kind": "difference"},
    }


def test_a_spec_without_prompts_is_written_and_read_again():
    pairs = RewardSpec.clip_score("sim-s")
    assert "prompts" not in pairs.to_dict()
    assert RewardSpec.from_dict(pairs.to_dict()) == pairs
    with pytest.raises(SpecError, match="the spec has none"):
        pairs.require_prompts()


@pytest.mark.parametrize(
    ("word", "left"),
    [
        ("few_shot", set()),
        ("uncertainty", set()),
        ("scaling", {"uncertainty"}),
        ("threshold", {"uncertainty", "scaling"}),
    ],
)
def test_before_a_transform_stand_those_that_apply_earlier(word, left):
    whole = spec(uncertainty={"ensemble": "prompts"}, scaling={"divide": 2.0}, threshold=0.5)
    assert set(whole.before(word).transforms()) == left
    assert whole.before(word).prompts == whole.prompts


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoder": "sim-s", "prompts": {"goal": "a"}, "scalling": {}}, "unknown key scalling. Near: scaling"),
        (
            {"encoder": "sim-s", "prompts": {"goal": "a"}, "scaling": {"divid": 2}},
            "unknown key scaling.divid. Near: divide",
        ),
        ({"encoder": "sim-s", "prompts": {"goal": "a"}, "scaling": 3}, "scaling must be a table .*; got 3"),
        ({"encoder": "sim-s", "prompts": {"goal": "a"}, "judge": {"model": "m"}}, "judge.question is missing"),
        ({"encoder": "sim-s", "prompts": {"goal": "a"}, "over_time": 1}, "over_time must be a table"),
        ({"encoder": "sim-s", "prompts": {"goal": "a"}, "few_shot": "proker"}, "few_shot must be a table"),
        ({"encoder": "sim-s", "prompts": {"goal": "a"}, "uncertainty": {"kappa": 1}}, "uncertainty needs an ensemble"),
        ({"encoder": "sim-s", "prompts": {"goal": ""}}, "prompts.goal has an empty sentence"),
        ({"encoder": "sim-s", "uncertainty": {"ensemble": "prompts"}}, "uncertainty of the ensemble 'prompts' needs"),
        ({"encoder": "sim-s", "prompts": {"goal": "a"}, "few_shot": {"method": ["proker"]}}, "unknown few_shot.method"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_the_path_of_its_key(values, message):
    with pytest.raises((SpecError, PromptError), match=f"^{message}"):
        RewardSpec.from_dict(values)


def test_values_of_a_wrong_kind_in_a_file_are_refused_by_the_path_of_their_key():
    program = """
import json, sys
from vlmrm import RewardSpec, VlmrmError
for values in json.load(sys.stdin):
    try:
        RewardSpec.from_dict({"encoder": "sim-s", "prompts": {"goal": "a"}} | values)
    except VlmrmError as error:
        print(error)
"""
    wrong = {
        "threshold must be a number; got 'high'": {"threshold": "high"},
        "threshold must be a number; got [1]": {"threshold": [1]},
        "views.scales must be a list; got 0.5": {"views": {"scales": 0.5}},
        "views.scales[0] must be a number; got 'a'": {"views": {"scales": ["a"]}},
        "alpha must be a number; got 'half'": {"alpha": "half"},
        "encoder must be a text; got 3": {"encoder": 3},
    }
    given = json.dumps(list(wrong.values()))  # in a process of its own, where nothing but the library checks types
    done = subprocess.run([sys.executable, "-c", program], input=given, capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert [line[: len(start)] for line, start in zip(said, wrong, strict=True)] == list(wrong)


def test_the_path_of_a_spec_within_another_file_stands_in_front():
    with pytest.raises(SpecError, match=r"^unknown key reward.scaling.divid. Near: divide"):
        RewardSpec.from_dict({"encoder": "sim-s", "prompts": {"goal": "a"}, "scaling": {"divid": 2}}, where="reward")
    with pytest.raises(SpecError, match=r"^reward.encoder is missing"):
        RewardSpec.from_dict({}, where="reward")


@pytest.mark.parametrize(
    ("old", "today"),
    [
        ({"goal": "a car"}, r"goal belongs in the table prompts of a reward spec: prompts = { goal = ... }"),
        ({"baseline": "a car"}, r"baseline belongs in the table prompts .*: prompts = { baseline = ... }"),
        ({"negatives": "a car"}, r"negatives belongs in the table prompts .*: prompts = { negatives = ... }"),
        ({"prompts": {"goal": "a"}, "offset": 0.3}, r"Write (reward\.)?scaling = { subtract = 0.3 }"),
        (
            {"offset": 0.5, "scaling": {"subtract": 0.25, "divide": 0.5, "lowest": 0, "highest": 2}},
            r"scaling = { subtract = 0.5, divide = 0.5, lowest = -0.5, highest = 1.5 }",
        ),
        ({"offset": 0.5, "threshold": 0.1}, "cannot be had beside threshold: .*no scaling is equal"),
        ({"offset": 0.5, "over_time": {"kind": "difference"}}, "cannot be had beside difference"),
        ({"offset": "much"}, "is not a word of a spec. offset must be a number; got 'much'"),
        (
            {"head": "milestones", "options": {"order": "any"}, "threshold": 0.5},
            r'over_time = { kind = "milestones", order = "any", threshold = 0.5 }',
        ),
    ],
)
def test_forms_of_before_are_refused_with_todays(old, today):
    with pytest.raises(SpecError, match=today):
        RewardSpec.from_dict({"encoder": "sim-s"} | old)
    with pytest.raises(SpecError, match=r"^reward\.\w+ (belongs in|is not a word)|reward\.over_time = {"):
        RewardSpec.from_dict({"encoder": "sim-s"} | old, where="reward")


def test_another_head_leaves_the_options_of_the_old_one_only_where_they_say_nothing():
    spec = RewardSpec(encoder="sim-s", prompts=PromptSet("a red car", "a car", "a blue car"))
    softmax = replace(spec, head="softmax")
    assert softmax == RewardSpec(encoder="sim-s", prompts=spec.prompts, head="softmax")
    warm = replace(softmax, options={"temperature": 0.5})
    with pytest.raises(SpecError, match=r"^options are those of another head than 'projection': SoftmaxOptions"):
        replace(warm, head="projection")
