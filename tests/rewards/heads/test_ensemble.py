"""Several heads as one: the weighted mean of their scores, on one scale."""

import pytest
import torch

from tests.toys import ColourEncoder, random_colours
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.encoders import EnsembleEncoder
from vlmrm.errors import ScaleWarning, SpecError
from vlmrm.fitting import fit, standardize
from vlmrm.rewards.heads.ensemble import EnsembleOptions, Part

GOAL = PromptSet("red", negatives=["green", "blue"])
TWO = [{"weight": 0.25, "alpha": 0.0}, {"weight": 0.75, "head": "softmax", "options": {"temperature": 0.5}}]


def frames(n=12, seed=0):
    return random_colours(n, seed)


def spec_of(parts, **changes):
    given = {"encoder": "colour", "prompts": GOAL, "head": "ensemble", "options": {"parts": parts}}
    return RewardSpec(**given | changes)


def model(parts, **changes):
    return RewardModel(ColourEncoder(), spec_of(parts, **changes))


def alone(**changes):
    return RewardModel(ColourEncoder(), RewardSpec(**{"encoder": "colour", "prompts": GOAL, "alpha": 0.0} | changes))


def test_an_ensemble_is_the_weighted_mean_of_its_parts():
    with pytest.warns(ScaleWarning):
        reward = model(TWO)
    cosine, softmax = alone(), alone(head="softmax", options={"temperature": 0.5})
    expected = 0.25 * cosine.score(frames()) + 0.75 * softmax.score(frames())
    torch.testing.assert_close(reward.score(frames()), expected)


def test_the_frames_are_embedded_once():
    encoder = ColourEncoder()
    reward = RewardModel(encoder, spec_of([{"weight": 0.5, "alpha": 0.0}, {"weight": 0.5, "alpha": 0.0}]))
    reward.score(frames())
    assert encoder.batches == [12]


def test_one_part_with_all_but_all_the_weight_is_nearly_the_reward():
    reward = model([{"weight": 1 - 1e-6, "alpha": 0.0}, {"weight": 1e-6, "alpha": 0.0, "prompts": {"goal": "blue"}}])
    torch.testing.assert_close(reward.score(frames()), alone().score(frames()), atol=1e-5, rtol=0)


def test_a_part_may_have_its_own_sentences():
    parts = [{"weight": 0.5, "alpha": 0.0, "prompts": {"goal": "green"}}, {"weight": 0.5, "alpha": 0.0}]
    both = (alone().score(frames()) + alone(prompts=PromptSet("green")).score(frames())) / 2
    torch.testing.assert_close(model(parts).score(frames()), both)


def test_standardizing_gives_every_part_mean_0_and_deviation_1():
    with pytest.warns(ScaleWarning):
        reward = standardize(model(TWO), frames(50))
    columns = reward.explain(frames(50))
    for part in ("part 1 (projection)", "part 2 (softmax)"):
        assert float(columns[part].mean()) == pytest.approx(0, abs=1e-5)
        assert float(columns[part].std(correction=0)) == pytest.approx(1, abs=1e-5)


def test_parts_that_have_been_brought_to_one_scale_give_no_warning(recwarn):
    parts = [part | {"scaling": {"subtract": 0.3, "divide": 0.1}} for part in TWO]
    model(parts)
    model([{"weight": 0.5, "alpha": 0.0}, {"weight": 0.5, "alpha": 0.0, "prompts": {"goal": "green"}}])  # one head
    assert not recwarn


def test_an_ensemble_comes_out_of_its_file(tmp_path):
    with pytest.warns(ScaleWarning):
        reward = standardize(model(TWO), frames())
    reward.spec.save(tmp_path / "reward.json")
    again = RewardModel(ColourEncoder(), RewardSpec.load(tmp_path / "reward.json"))
    assert again.spec.hash() == reward.spec.hash()
    assert torch.equal(again.score(frames()), reward.score(frames()))


def test_an_ensemble_from_toml(tmp_path):
    path = tmp_path / "reward.toml"
    path.write_text(
        """
        encoder = "colour"
        head = "ensemble"
        over_time = { kind = "difference" }
        [prompts]
        goal = "red"
        negatives = ["green", "blue"]
        [[options.parts]]
        weight = 0.6
        alpha = 0.0
        [[options.parts]]
        weight = 0.4
        alpha = 0.0
        prompts = { goal = "grey" }
        """
    )
    reward = RewardModel(ColourEncoder(), RewardSpec.load(path))
    scores = 0.6 * alone().score(frames()) + 0.4 * alone(prompts=PromptSet("grey")).score(frames())
    torch.testing.assert_close(reward.score_episode(frames()), scores.diff())


def test_a_few_shot_correction_may_stand_on_an_ensemble():
    parts = [{"weight": 0.5, "alpha": 0.0}, {"weight": 0.5, "alpha": 0.0, "prompts": {"goal": "grey"}}]
    fitted = fit(model(parts), frames(4), [1, 0, 0, 1])
    assert fitted.spec.head == "ensemble"
    assert fitted.score(frames()).shape == (12,)


def test_explain_has_the_score_of_every_part_by_its_head():
    parts = [
        {"weight": 0.25, "alpha": 0.0, "scaling": {"divide": 0.5}},
        {"weight": 0.75, "head": "softmax", "options": {"temperature": 0.5}, "scaling": {"subtract": 0.1}},
    ]
    columns = model(parts).explain(frames())
    assert list(columns) == ["score", "part 1 (projection)", "part 2 (softmax)"]
    torch.testing.assert_close(columns["part 1 (projection)"], alone().score(frames()) / 0.5)
    softmax = alone(head="softmax", options={"temperature": 0.5})
    torch.testing.assert_close(columns["part 2 (softmax)"], softmax.score(frames()) - 0.1)
    mean = 0.25 * columns["part 1 (projection)"] + 0.75 * columns["part 2 (softmax)"]
    torch.testing.assert_close(columns["score"], mean)


def test_parts_are_records_and_those_without_sentences_get_those_of_the_whole():
    options = spec_of(
        [{"weight": 0.5, "alpha": 0.0}, {"weight": 0.5, "alpha": 0.0, "prompts": {"goal": "grey"}}]
    ).options
    assert isinstance(options, EnsembleOptions)
    assert all(isinstance(part, Part) for part in options.parts)
    assert [part.prompts for part in options.whole_parts(GOAL)] == [GOAL, PromptSet("grey")]


def test_a_part_names_a_member_of_an_ensemble_of_encoders_only():
    with pytest.raises(
        SpecError, match=r"names the member 'sim-s' needs an ensemble of encoders, .*; 'colour' is none"
    ):
        model([{"weight": 0.5, "alpha": 0.0, "member": "sim-s"}, {"weight": 0.5, "alpha": 0.0}])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "at least two parts; got 0"),
        ([{"weight": 1.0}], "at least two parts; got 1"),
        ([{"weight": 0.5}, {"weight": 0.6}], "weights of an ensemble must sum to 1; got 1.1"),
        ([{"weight": 0.5}, {"head": "softmax"}], "options.parts.1.weight is missing"),
        ([{"weight": 0}, {"weight": 1}], "options.parts.0.weight must be above 0; got 0"),
        ([{"weight": 0.5, "hed": "softmax"}, {"weight": 0.5}], "unknown key options.parts.0.hed. Near: head"),
        (
            [{"weight": 0.5, "head": "softmacks"}, {"weight": 0.5, "alpha": 0.0}],
            "unknown options.parts.0.head 'softmacks'. Near: softmax",
        ),
        ([{"weight": 0.5, "encoder": "sim-s"}, {"weight": 0.5}], "unknown key options.parts.0.encoder"),
        (
            [{"weight": 0.5, "over_time": {"kind": "difference"}}, {"weight": 0.5}],
            "unknown key options.parts.0.over_time",
        ),
        ([{"weight": 0.5, "head": "milestones"}, {"weight": 0.5}], "unknown options.parts.0.head 'milestones'"),
        ([{"weight": 0.5, "judge": {}}, {"weight": 0.5}], "unknown key options.parts.0.judge"),
        ([{"weight": 0.5, "options": {"a": 1}}, {"weight": 0.5}], "options.parts.0.options has no options; got 'a'"),
        ([{"weight": 0.5}, {"weight": 0.5, "scaling": {"divid": 2}}], "options.parts.1.scaling.divid. Near: divide"),
        (
            [{"weight": 0.5, "head": "softmax", "options": {"temprature": 1}}, {"weight": 0.5}],
            "unknown key options.parts.0.options.temprature. Near: temperature",
        ),
        ("two", "options.parts is a list of tables, each with a weight and a head; got 'two'"),
        ([{"weight": 0.5, "head": "ensemble"}, {"weight": 0.5}], "'ensemble' cannot be part of an ensemble"),
    ],
)
def test_an_ensemble_that_cannot_be_meant_is_refused(parts, message):
    with pytest.raises(SpecError, match=message):
        spec_of(parts)


def test_a_part_without_sentences_takes_the_alpha_that_those_of_the_whole_allow():
    """0.5 where the whole has a baseline, as of any projection, and 0 where it has none."""
    prompts = PromptSet("red", "grey")
    parts = [{"weight": 0.5}, {"weight": 0.5, "prompts": {"goal": "green"}}]
    reward = model(parts, prompts=prompts)
    both = (alone(prompts=prompts, alpha=0.5).score(frames()) + alone(prompts=PromptSet("green")).score(frames())) / 2
    torch.testing.assert_close(reward.score(frames()), both)
    assert "alpha" not in reward.spec.to_dict()["options"]["parts"][0]
    assert RewardSpec.from_dict(reward.spec.to_dict()) == reward.spec


def test_parts_of_members_are_standardized_on_the_embeddings_that_they_score():
    members = []
    for name in ("first", "second"):
        members.append(ColourEncoder())
        members[-1].name = name
    parts = [{"weight": 0.5, "member": "first", "alpha": 0.0}, {"weight": 0.5, "prompts": {"goal": "grey"}}]
    encoder = EnsembleEncoder(members, [0.2, 0.8])
    reward = standardize(RewardModel(encoder, spec_of(parts, encoder=encoder.name)), frames(50))
    columns = reward.explain(frames(50))
    for part in ("part 1 (first)", "part 2 (projection)"):
        assert float(columns[part].mean()) == pytest.approx(0, abs=1e-5)
        assert float(columns[part].std(correction=0)) == pytest.approx(1, abs=1e-5)
