"""What a method may know of an episode, and what it returns."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.rlcf.options import AdaptOptions
from vlmrm.rlcf.policy import Sight

Rows = Float[Tensor, "r k"]
Loss = Callable[[Rows, Sight], Float[Tensor, ""]]
"""From the logits of the chosen views, with gradients, and the sight that gave them, to what a step makes smaller."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What is known of an episode before its first step; the reward is asked only by methods that use it."""

    start: Rows
    """Logits of the chosen views before adaptation."""
    rewards: Callable[[], Rows]
    """Gives the reward of each answer, for each chosen view."""
    reward_logits: Callable[[], Rows]
    """Gives the logits of the reward's own encoder, for each chosen view."""
    random: torch.Generator
    """The episode's own source of chance."""
    options: AdaptOptions
    """The choices of the episode."""
