"""The goal-baseline projection, against the definition of its paper."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from vlmrm.errors import PromptError, SpecError
from vlmrm.rewards.heads.projection import ProjectionHead, project, project_alphas, unit_mean


def unit(*shape, seed):
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), dim=-1)


def matrix_form(frames, goal, baseline, alpha):
    """The paper's Definition 1 with its d x d projection matrix, as the oracle."""
    direction = (goal - baseline)[:, None]
    onto_line = direction @ direction.T / (direction.T @ direction)
    mixed = alpha * onto_line + (1 - alpha) * torch.eye(len(goal), dtype=goal.dtype)
    return 1 - 0.5 * ((frames - goal) @ mixed).square().sum(dim=1)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), dim=st.sampled_from([2, 8, 512]), alpha=st.floats(0, 1))
def test_the_closed_form_equals_the_papers_matrix_form(seed, dim, alpha):
    frames, goal, baseline = unit(16, dim, seed=seed), unit(dim, seed=seed + 1), unit(dim, seed=seed + 2)
    ours = project(frames, goal, baseline, alpha)
    torch.testing.assert_close(ours, matrix_form(frames, goal, baseline, alpha), atol=1e-12, rtol=0)


def test_alpha_zero_is_the_cosine():
    frames, goal, baseline = unit(32, 128, seed=0), unit(128, seed=1), unit(128, seed=2)
    torch.testing.assert_close(project(frames, goal, baseline, 0.0), frames @ goal)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_reward_of_the_goal_itself_is_one(alpha):
    goal, baseline = unit(64, seed=1), unit(64, seed=2)
    assert project(goal[None], goal, baseline, alpha).item() == pytest.approx(1.0)


def test_alpha_one_ignores_what_lies_off_the_line():
    goal, baseline = torch.eye(4)[0], torch.eye(4)[1]
    off_line = torch.eye(4)[2:]  # equally far from goal and baseline
    rewards = project(off_line, goal, baseline, 1.0)
    torch.testing.assert_close(rewards, torch.full((2,), 1 - 0.5 * 0.5))


def test_several_alphas_at_once_equal_one_at_a_time():
    frames, goal, baseline = unit(5, 16, seed=0), unit(16, seed=1), unit(16, seed=2)
    alphas = torch.tensor([0.0, 0.25, 0.5, 1.0], dtype=torch.float64)
    table = project_alphas(frames, goal, baseline, alphas)
    assert table.shape == (4, 5)
    for row, alpha in zip(table, alphas.tolist(), strict=True):
        torch.testing.assert_close(row, project(frames, goal, baseline, alpha))


def test_the_mean_of_several_prompts_has_unit_length():
    """A shorter mean would make alpha=0 something else than the cosine."""
    prompts = unit(4, 64, seed=3)
    assert prompts.mean(dim=0).norm() < 0.9
    assert unit_mean(prompts).norm().item() == pytest.approx(1.0)


def test_opposite_prompts_cancel_out_and_are_refused():
    with pytest.raises(PromptError, match="cancel"):
        unit_mean(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_alpha_outside_0_to_1_is_refused(alpha):
    goal, baseline = torch.eye(2)
    with pytest.raises(SpecError, match="alpha"):
        project(torch.eye(2), goal, baseline, alpha)


def test_prompts_with_the_same_embedding_span_no_line():
    goal = unit(8, seed=0)
    with pytest.raises(PromptError, match="same embedding"):
        project(goal[None], goal, goal.clone(), 0.5)


def test_without_a_baseline_the_head_is_the_cosine():
    frames, goal = unit(3, 8, seed=0), unit(8, seed=1)
    torch.testing.assert_close(ProjectionHead(goal, None, 0.0)(frames), frames @ goal)
