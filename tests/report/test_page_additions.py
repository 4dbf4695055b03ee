"""What stands on a page beside the numbers: likenesses, parts, and the reward over two variables."""

import numpy as np
import pytest
import torch

from tests.report.test_evaluation import reds
from tests.toys import SIZE_PX, ColourEncoder
from vlmrm.report import evaluate
from vlmrm.report.plots import draw_surface
from vlmrm.report.surface import surface_over_state
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.tasks import SuccessRule

RULE = SuccessRule(where={"angle_deg": (-10.0, 10.0), "x_m": (0.5, 1.0)}, within_last=1, at_least=1)


def coloured(*colours):
    return torch.tensor(colours, dtype=torch.uint8)[:, None, None].expand(-1, SIZE_PX, SIZE_PX, 3).clone()


def red(**said):
    spec = RewardSpec.from_dict({"encoder": "colour", "prompts": {"goal": "red"}, "alpha": 0.0, **said})
    return RewardModel(ColourEncoder(), spec)


def test_a_frame_that_fools_names_the_most_like_frame_of_the_other_label():
    shown = reds([0.9, 0.5, 0.1, 0.88], [True, True, False, False])
    shown.frames[:] = coloured((200, 10, 0), (90, 90, 0), (0, 0, 200), (200, 12, 0))
    (entry,) = evaluate(red(), shown, controls=False).entries
    worst = entry.fooling.paid[0]
    assert worst.name == "frame 3"
    assert entry.alike[worst.row].name == "frame 0"
    assert entry.alike[worst.row].cosine == pytest.approx(1.0, abs=1e-3)


def test_a_function_has_no_likenesses_and_no_parts():
    shown = reds([0.9, 0.1], [True, False])
    (entry,) = evaluate(lambda frames: frames.float().mean(dim=(1, 2, 3)), shown, controls=False).entries
    assert (dict(entry.alike), list(entry.parts), entry.surface) == ({}, [], None)


def test_parts_of_an_ensemble_stand_on_the_page_with_their_shares():
    parts = [{"weight": 0.5, "alpha": 0.0, "prompts": {"goal": word}} for word in ("red", "blue")]
    shown = reds([0.9, 0.6, 0.3, 0.1], [True, True, False, False])
    shown.frames[..., 2] = torch.tensor([40, 80, 20, 60], dtype=torch.uint8)[:, None, None]
    report = evaluate(red(head="ensemble", options={"parts": parts}), shown, controls=False)
    (entry,) = report.entries
    assert len(entry.parts) == 2
    assert sum(part.share for part in entry.parts) == pytest.approx(1)
    assert {part.auroc for part in entry.parts} <= {0.0, 0.25, 0.5, 0.75, 1.0}
    assert "What the score is made of" in report.html()


def test_a_reward_over_two_variables_peaks_in_the_right_cell():
    angle, x = (grid.ravel() for grid in np.meshgrid(np.linspace(-90, 90, 40), np.linspace(-1, 1, 40)))
    scores = -np.abs(angle - 45) / 90 - np.abs(x + 0.5)
    surface = surface_over_state(scores, {"angle_deg": angle, "x_m": x}, RULE)
    assert surface.variables == ("angle_deg", "x_m")
    assert surface.peak == pytest.approx((45, -0.5), abs=7.5)
    row = np.searchsorted(surface.edges[1], -0.5) - 1
    assert np.nanargmax(surface.mean.max(axis=1)) == row  # rows go upwards
    assert draw_surface(surface).startswith("<svg")


def test_one_variable_or_few_frames_make_no_surface():
    x = np.linspace(-1, 1, 400)
    assert surface_over_state(x, {"angle_deg": np.zeros(400), "x_m": x}, RULE) is None
    assert surface_over_state(x[:50], {"angle_deg": x[:50], "x_m": x[:50]}, RULE) is None
    assert surface_over_state(x, {"angle_deg": x, "x_m": x}, None) is None
