"""The algebra of the loss: what a gradient is 0 for, how baselines relate, and what changes nothing at all."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import log_softmax

from vlmrm.errors import SpecError
from vlmrm.rlcf import AdaptOptions
from vlmrm.rlcf.advantages import BASELINES
from vlmrm.rlcf.candidates import CHOICES
from vlmrm.rlcf.methods import METHODS, Evidence
from vlmrm.rlcf.methods.entropy import marginal_entropy

REWARDS = torch.tensor([[0.9, 0.2, 0.5, 0.4, 0.1]])
LOGITS = torch.tensor([[2.0, 1.5, 1.0, 0.5, 0.0]])


class Fixed:
    """A sight whose answers lie at unit vectors."""

    def logits(self, rows: torch.Tensor | None = None) -> torch.Tensor:
        return LOGITS

    def answers(self) -> torch.Tensor:
        return torch.eye(5)


EVIDENCE = Evidence(
    start=LOGITS,
    rewards=lambda: REWARDS,
    reward_logits=lambda: 10 * REWARDS,
    random=torch.Generator().manual_seed(0),
    options=AdaptOptions(),
)


def gradient(rewards: torch.Tensor = REWARDS, **choices: object) -> torch.Tensor:
    options = AdaptOptions(**choices)
    logits = LOGITS.clone().requires_grad_()
    evidence = replace(EVIDENCE, rewards=lambda: rewards, reward_logits=lambda: 10 * rewards, options=options)
    METHODS[options.method](evidence)(logits, Fixed()).backward()
    assert logits.grad is not None
    return logits.grad


@pytest.mark.parametrize("baseline", ["mean", "loo", "group"])
def test_answers_outside_the_candidates_get_no_gradient(baseline: str) -> None:
    slope = gradient(candidates=3, baseline=baseline)
    assert slope[0, 3:].abs().max() < 1e-8
    assert slope[0, 0] < 0 < slope[0, 1]  # the best of the three becomes likelier, the worst less likely


def test_the_gradient_of_the_mean_baseline_is_minus_the_advantage_over_k() -> None:
    expected = -(REWARDS[0, :3] - REWARDS[0, :3].mean()) / 3
    assert torch.allclose(gradient(candidates=3)[0, :3], expected, atol=1e-7)


def test_without_a_baseline_every_answer_gets_a_gradient() -> None:
    assert (gradient(candidates=3, baseline="none")[0, 3:] > 1e-3).all()


@pytest.mark.parametrize("count", [2, 3, 5])
def test_leave_one_out_is_the_mean_baseline_times_k_over_k_less_1(count: int) -> None:
    rewards = torch.rand(4, count, generator=torch.Generator().manual_seed(count))
    others = (rewards.sum(1, keepdim=True) - rewards) / (count - 1)
    assert torch.allclose(BASELINES["loo"](rewards), rewards - others, atol=1e-6)
    assert torch.allclose(BASELINES["loo"](rewards), BASELINES["mean"](rewards) * count / (count - 1), atol=1e-6)


def test_one_candidate_has_no_advantage_and_no_others() -> None:
    assert torch.equal(BASELINES["mean"](torch.tensor([[0.7]])), torch.zeros(1, 1))
    with pytest.raises(SpecError, match="at least 2"):
        AdaptOptions(candidates=1, baseline="loo")


@pytest.mark.parametrize("baseline", ["mean", "loo", "group"])
@pytest.mark.parametrize("value", [0.1, 0.7, 1 / 3, 123.456])
def test_equal_rewards_have_exactly_no_advantage(baseline: str, value: float) -> None:
    assert torch.equal(BASELINES[baseline](torch.full((2, 7), value)), torch.zeros(2, 7))


def test_group_advantages_have_deviation_1() -> None:
    rewards = torch.rand(3, 6, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(BASELINES["group"](rewards).std(dim=1, unbiased=False), torch.ones(3), atol=2e-3)


def test_gumbel_draws_without_replacement_and_by_chance() -> None:
    logits = torch.tensor([[0.8, 0.15, 0.05]]).log().expand(4_000, -1)
    drawn = CHOICES["gumbel"](logits, 2, torch.Generator().manual_seed(0))
    assert (drawn[:, 0] != drawn[:, 1]).all()
    first = torch.bincount(drawn[:, 0], minlength=3) / 4_000
    assert torch.allclose(first, torch.tensor([0.8, 0.15, 0.05]), atol=0.02)
    both = (drawn.sort(dim=1).values == torch.tensor([0, 1])).all(dim=1).float().mean()
    assert abs(float(both) - (0.8 * 0.15 / 0.2 + 0.15 * 0.8 / 0.85)) < 0.02  # by hand, without replacement


def test_all_candidates_are_all_answers() -> None:
    assert torch.equal(gradient(candidates=None), gradient(candidates=5))


def test_entropy_of_the_mean_is_not_the_mean_of_entropies() -> None:
    sure = torch.tensor([[50.0, 0.0], [0.0, 50.0]])
    assert marginal_entropy(sure).item() == pytest.approx(0.6931, abs=1e-4)
    assert METHODS["tent"](EVIDENCE)(sure, Fixed()).item() == pytest.approx(0.0, abs=1e-4)


def test_kd_is_least_where_the_policy_says_what_the_reward_says() -> None:
    assert gradient(rewards=LOGITS / 10, method="kd").abs().max() < 1e-7
    slope = gradient(method="kd")
    taught = (10 * REWARDS).softmax(1) - LOGITS.softmax(1)
    assert torch.allclose(slope, -taught, atol=1e-6)


def test_at_kd_does_not_mind_the_scale_of_the_rewards_logits() -> None:
    assert torch.allclose(gradient(method="at_kd"), gradient(rewards=3 * REWARDS, method="at_kd"), atol=1e-5)


def test_a_pseudo_label_is_the_answer_before_adaptation() -> None:
    slope = gradient(method="pseudo_label")
    expected = log_softmax(LOGITS, 1).exp() - torch.eye(5)[0]
    assert torch.allclose(slope, expected, atol=1e-6)
