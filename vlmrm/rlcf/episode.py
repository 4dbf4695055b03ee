"""The steps of one episode: a fresh optimiser, a few updates, and what they did."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from vlmrm.rlcf.options import AdaptOptions


@dataclass(kw_only=True, eq=False)
class Episode:
    """What happened in one episode."""

    adapted: bool = True
    """Whether it was adapted to the query; False: a guard kept its hands off."""
    losses: list[float] = field(default_factory=list)
    """The loss before each step."""
    dropped: str = ""
    """Why it was given up, after which the model is as before. Empty: it was not."""
    moved: int | float = 0.0
    """The most that any tuned number has moved; 0: the episode changed nothing."""
    before: Any = None
    """What was said of the whole query before adaptation, logits or a caption. None: there was no episode."""
    after_each: list[Any] = field(default_factory=list)
    """The same after each step, where it was asked for."""


def run_steps(
    tuned: Sequence[nn.Parameter],
    loss_now: Callable[[], Tensor],
    options: AdaptOptions,
    after_step: Callable[[], Any] | None = None,
) -> Episode:
    """Tune parameters for one episode.

    Args:
        tuned: What may move.
        loss_now: Gives what the next step makes smaller, with its graph.
        options: Number and size of the steps.
        after_step: Gives what to keep after each step.
    """
    episode = Episode()
    decays_to_zero = options.decay_to == "zero"
    begun = [parameter.detach().clone() for parameter in tuned]
    optimiser = torch.optim.AdamW(
        tuned,
        lr=options.learning_rate,
        eps=options.eps,
        weight_decay=options.decay if decays_to_zero else 0.0,
        fused=True,  # a step on the token table of a text tower takes a tenth of the time
    )
    with torch.enable_grad():
        for _ in range(options.steps):
            loss = loss_now()
            episode.losses.append(float(loss.detach()))
            if not torch.isfinite(loss):
                episode.dropped = f"the loss became {episode.losses[-1]} in step {len(episode.losses)}"
                break
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            if options.decay and not decays_to_zero:
                _shrink(tuned, begun, options.learning_rate * options.decay)
            if after_step is not None:
                episode.after_each.append(after_step())
    changes = (float((now.detach() - then).abs().max()) for now, then in zip(tuned, begun, strict=True))
    episode.moved = 0.0 if episode.dropped else max(changes)
    return episode


@torch.no_grad()
def _shrink(tuned: Sequence[nn.Parameter], begun: list[Tensor], share: int | float) -> None:
    """Go back towards the start by a share of the way."""
    for parameter, start in zip(tuned, begun, strict=True):
        parameter.sub_(share * (parameter - start))
