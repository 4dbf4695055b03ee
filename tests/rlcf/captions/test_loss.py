"""The loss of a captioner that learns from rewards, on numbers small enough to count by hand."""

import math

import pytest
import torch

from vlmrm.rlcf.captions.loss import caption_loss

LIKELY = torch.tensor([[-1.0, -2.0], [-3.0, -50.0]])
MASK = torch.tensor([[True, True], [True, False]])  # the second caption has one token
ADVANTAGES = torch.tensor([2.0, -1.0])


def test_without_a_divergence_it_is_minus_the_mean_over_tokens_of_advantage_times_log_probability():
    loss, parts = caption_loss(LIKELY, LIKELY, ADVANTAGES, MASK, kl=0.5)
    assert float(loss) == pytest.approx(-(2 * -1 + 2 * -2 + -1 * -3) / 3)
    assert parts == {"divergence": 0.0}


def test_the_divergence_grows_to_either_side_and_counts_by_its_weight():
    apart = torch.tensor([[1.0, 0.0], [-1.0, 9.0]])  # log p of the start less that of now
    loss, parts = caption_loss(LIKELY, LIKELY + apart, torch.zeros(2), MASK, kl=0.5)
    expected = ((math.e - 2) + (math.exp(-1) + 1 - 1)) / 3
    assert parts["divergence"] == pytest.approx(expected)
    assert float(loss) == pytest.approx(0.5 * expected)


def test_a_value_head_pays_for_its_error_and_is_taken_off_the_advantage_without_a_gradient():
    likely, expected = LIKELY.clone().requires_grad_(), torch.full((2, 2), 1.0, requires_grad=True)
    loss, parts = caption_loss(likely, LIKELY, ADVANTAGES, MASK, kl=0.0, value=(expected, 0.25))
    error = (1 + 1 + 4) / 3
    assert parts["value_loss"] == pytest.approx(error)
    assert float(loss.detach()) == pytest.approx(-(1 * -1 + 1 * -2 + -2 * -3) / 3 + 0.25 * error)
    torch.autograd.backward(loss)
    assert expected.grad[0].tolist() == pytest.approx([0.25 * 2 * (1 - 2) / 3] * 2)  # of the error alone
