"""The steps of one episode: a fresh optimiser, a few updates, and what they did."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vlmrm.rlcf.methods import Loss
from vlmrm.rlcf.options import AdaptOptions
from vlmrm.rlcf.policy import Sight, TunedEncoder


@dataclass(kw_only=True, eq=False)
class Episode:
    """What happened in one episode."""

    adapted: bool = True
    """Whether it was adapted to the query; False: a guard kept its hands off."""
    losses: list[float] = field(default_factory=list)
    """The loss before each step."""
    dropped: str = ""
    """Why it was given up, after which the classifier is as before. Empty: it was not."""
    moved: int | float = 0.0
    """The most that any tuned number has moved; 0: the episode changed nothing."""
    before: Float[Tensor, " k"] | None = None
    """Logits of the whole query before adaptation. None: there was no episode."""
    after_each: list[Float[Tensor, " k"]] = field(default_factory=list)
    """Logits of the whole query after each step, where they were asked for."""


def run_steps(
    policy: TunedEncoder,
    sight: Sight,
    rows: Int[Tensor, " r"],
    loss_of: Loss,
    options: AdaptOptions,
    after_step: Callable[[], Tensor] | None = None,
) -> Episode:
    """Tune a policy for one episode.

    Args:
        policy: What is tuned.
        sight: The query.
        rows: Views of it that are used.
        loss_of: What a step makes smaller.
        options: Number and size of the steps.
        after_step: Gives what to keep after each step.
    """
    episode = Episode()
    tuned, decays_to_zero = policy.parameters, options.decay_to == "zero"
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
            if options.batch_statistics:
                policy.use_batch_statistics()  # in each step: whoever looked in between was answered without
            loss = loss_of(sight.logits(rows), sight)
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
def _shrink(tuned: list[torch.nn.Parameter], begun: list[Tensor], share: int | float) -> None:
    """Go back towards the start by a share of the way."""
    for parameter, start in zip(tuned, begun, strict=True):
        parameter.sub_(share * (parameter - start))
