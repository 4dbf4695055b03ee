"""Labels that sentences give to frames nobody has labelled."""

import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.fitting import fit, pseudo_labels
from vlmrm.fitting.pseudo_labelling import pseudo_labels_of

COLOURS = [(255, 0, 0), (200, 0, 0), (0, 255, 0), (0, 180, 0), (0, 0, 255), (90, 90, 0)]


def bank():
    return torch.tensor(COLOURS, dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)


def red(**changes):
    given = {"encoder": "colour", "prompts": PromptSet("red", negatives=["green", "blue"]), "alpha": 0.0}
    return RewardModel(ColourEncoder(), RewardSpec(**given | changes))


def test_frames_surest_of_the_goal_are_successes_and_those_surest_of_others_failures():
    rows, labels = pseudo_labels(red(), bank(), count=2)
    assert rows[0] == 0
    assert dict(zip(rows, labels, strict=True)) == {0: 1.0, 1: 1.0, 2: 0.0, 4: 0.0}


def test_margins_fall_from_the_first_to_the_last_and_no_frame_is_found_twice():
    unit = torch.nn.functional.normalize(torch.randn(40, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    rows, labels = pseudo_labels_of(unit[:30], unit[30], unit[31:34], count=5)
    assert len(set(rows.tolist())) == len(rows) == 10
    margins = [float(unit[r] @ unit[30]) - max(float(unit[r] @ other) for other in unit[31:34]) for r in rows.tolist()]
    assert margins == sorted(margins, reverse=True)
    assert labels.tolist() == [1.0] * 5 + [0.0] * 5


def test_what_was_found_fits_a_reward():
    rows, labels = pseudo_labels(red(), bank(), count=2)
    fitted = fit(red(), bank()[rows], labels, method="tip_adapter")
    assert float(fitted.score(bank()[:1])) > float(fitted.score(bank()[2:3]))


def test_the_baseline_counts_as_what_is_not_the_goal():
    rows, labels = pseudo_labels(red(prompts=PromptSet("red", "green")), bank(), count=1)
    assert dict(zip(rows, labels, strict=True)) == {0: 1.0, 2: 0.0}


@pytest.mark.parametrize(
    ("prompts", "count", "message"),
    [
        (PromptSet("red"), 1, "nothing says what is not the goal"),
        (PromptSet("red", negatives="green"), 4, "at least 8; got 6 frames"),
        (PromptSet("red", negatives="green"), 0, "0 frames of each kind"),
    ],
)
def test_a_bank_in_which_nothing_can_be_found_is_refused(prompts, count, message):
    with pytest.raises(SpecError, match=message):
        pseudo_labels(red(prompts=prompts), bank(), count=count)


def test_a_reward_without_a_goal_has_no_sentences_that_could_classify():
    with pytest.raises(SpecError, match="the spec has none"):
        pseudo_labels(RewardModel(ColourEncoder(), RewardSpec.clip_score("colour")), bank(), count=1)
