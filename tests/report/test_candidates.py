"""What is judged beside a reward, and what cannot be."""

from dataclasses import replace

import pytest
import vlmrm_envs as envs

from vlmrm.data import Scores
from vlmrm.encoders import load_encoder
from vlmrm.errors import SpecError
from vlmrm.fitting import fit
from vlmrm.prompts import PromptSet
from vlmrm.report.candidates import candidates_of
from vlmrm.report.scorers import BASELINE, NONSENSE, UNTRAINED, PlacedSpec
from vlmrm.rewards import RewardModel

SPEC = envs.task("cartpole/upright").reward


@pytest.fixture(scope="module")
def fitted():
    """A reward that labelled pictures have corrected, with a threshold."""
    drawn = envs.labelled_frames("cartpole/upright", 40, seed=2, size_px=96)
    reward = RewardModel.from_spec(replace(SPEC, scaling=None))
    reward = fit(reward, drawn.frames, drawn.in_goal.tolist())
    return reward.with_spec(replace(reward.spec, threshold=0.5))


def test_controls_have_another_sentence_or_other_weights_and_nothing_else():
    (candidate,) = candidates_of({"mine": replace(SPEC, threshold=0.1)})
    controls = candidate.controls
    assert set(controls) == {*(f"“{sentence}”" for sentence in NONSENSE), BASELINE, UNTRAINED}
    zebra = controls["“a zebra grazing”"].spec
    assert zebra.prompts.goal == ("a zebra grazing",)
    assert zebra.prompts.baseline == SPEC.prompts.baseline
    assert controls[BASELINE].spec.prompts.goal == SPEC.prompts.baseline
    assert controls[UNTRAINED].spec.encoder == "random:sim-s"
    assert all(control.spec.threshold is None and control.spec.scaling is None for control in controls.values())


def test_a_model_is_loaded_once_for_all_rewards_and_controls():
    one, other = candidates_of({"one": SPEC, "other": replace(SPEC, alpha=0.0)})
    encoders = {id(used.reward.encoder) for c in (one, other) for used in (c.scorer, *c.controls.values())}
    assert len(encoders) == 2  # with weights, and without


def test_a_model_and_its_untrained_twin_run_where_they_are_put(monkeypatch):
    asked = []

    def loaded(name, *, device, **words):
        asked.append((name, device))
        return load_encoder(name, device="cpu", **words)

    monkeypatch.setattr("vlmrm.report.scorers.load_encoder", loaded)
    candidates_of({"mine": PlacedSpec(spec=SPEC, device="cuda:1")}, alphas=(0.0, 0.5))
    assert asked == [("sim-s", "cuda:1"), ("random:sim-s", "cuda:1")]


def test_labels_that_corrected_a_reward_do_not_help_its_controls(fitted):
    """They would give the goal away whatever the sentence says."""
    (candidate,) = candidates_of(fitted)
    assert fitted.spec.few_shot is not None
    assert all(control.spec.few_shot is None for control in candidate.controls.values())


def test_sentences_of_each_camera_leave_random_weights_to_compare_with():
    """A sentence in the goal's place would change nothing; the same reward by a model that learnt nothing does."""
    own = {"names": ["front", "side"], "prompts": {"front": "a pole up", "side": "a cart below a pole"}}
    (candidate,) = candidates_of(replace(SPEC, cameras=own, scaling=None))
    assert set(candidate.controls) == {UNTRAINED}
    assert candidate.controls[UNTRAINED].spec == replace(candidate.spec, encoder="random:sim-s")
    assert candidate.without[BASELINE].startswith("cameras or parts of it have sentences of their own")


def test_a_reward_without_a_baseline_has_no_control_of_it():
    (candidate,) = candidates_of(replace(SPEC, alpha=0.0, prompts=PromptSet("a pole held upright")))
    assert BASELINE not in candidate.controls
    assert candidate.without[BASELINE] == "it has no baseline"


def test_scores_from_a_file_have_no_controls_and_say_why():
    (candidate,) = candidates_of({"theirs": Scores(name="theirs", by_key={"a": 1.0})})
    assert candidate.controls == {}
    assert set(candidate.without.values()) == {"it has no sentence that could be exchanged"}
    assert (candidate.spec, candidate.fingerprint) == (None, None)


def test_alphas_make_one_reward_each_and_leave_other_heads_alone():
    contrast = replace(SPEC, head="contrast", alpha=None, prompts=replace(SPEC.prompts, negatives=("a pole hanging",)))
    found = candidates_of({"plain": SPEC, "contrast": contrast}, alphas=(0.0, 1.0), controls=False)
    assert [candidate.name for candidate in found] == ["plain, alpha 0", "plain, alpha 1", "contrast"]
    assert [candidate.spec.alpha for candidate in found[:2]] == [0.0, 1.0]


def test_two_rewards_of_one_name_are_refused():
    contrast = replace(SPEC, head="contrast", alpha=None, prompts=replace(SPEC.prompts, negatives=("a pole hanging",)))
    with pytest.raises(SpecError, match="two rewards of the report are called 'a, alpha 0'"):
        candidates_of({"a": SPEC, "a, alpha 0": contrast}, alphas=(0.0,), controls=False)
