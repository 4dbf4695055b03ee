"""How much better a caption is than others of its picture, by several terms at once.

    no       A = baseline(sum_i w_i r_i)
    after    A / std of the update
    before   sum_i w_i · baseline(r_i) / std_i of the update

``before`` lets each term count what its weight says, whatever its scale. With the baseline ``group`` each term is in
units of its group's deviation already; there it is the sum that is divided by its deviation in the update, as in TRL's
``normalize_then_sum``. Divided by both, a term that is the same for nearly all captions, such as a missing end, would
outweigh all others in the one picture where it is not.

``before`` is GDPO's order (as in BalCapRL, arXiv 2605.07394), ``after`` that of GRPO in TRL's ``sum_then_normalize``.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.rlcf.advantages import BASELINES

Values = Float[Tensor, "n k"]
NORMALISED = ("no", "after", "before")
"""When advantages are divided by their deviation."""
CAPTION_BASELINES = (*BASELINES, "greedy", "value")
"""What is taken off the rewards: as in `vlmrm.rlcf.advantages`; the reward of the greedy caption (SCST, arXiv
1612.00563); or what a value head expects of each token (VLRM, arXiv 2404.01911)."""
_LEAST_DEVIATION = 1e-6


def caption_advantages(
    values: Mapping[str, Values],
    weights: Mapping[str, int | float],
    *,
    baseline: str,
    normalised: str,
    greedy: Mapping[str, Float[Tensor, "n 1"]] | None = None,
) -> Values:
    """Return the advantage of each caption, a row for each picture.

    Args:
        values: Of each term.
        weights: Of each term.
        baseline: One of `CAPTION_BASELINES`; with ``value`` the mean of the update is, and the rest by the head.
        normalised: One of `NORMALISED`.
        greedy: Values of each term for the greedy caption, for ``greedy``.

    Example:
        >>> values = {"fits": torch.tensor([[0.3, 0.1]]), "ends": torch.tensor([[-1.0, 0.0]])}
        >>> caption_advantages(values, {"fits": 1.0, "ends": 0.0}, baseline="mean", normalised="no")
        tensor([[ 0.1000, -0.1000]])
        >>> caption_advantages(values, {"fits": 1.0, "ends": 1.0}, baseline="mean", normalised="before")
        tensor([[0., 0.]])
    """

    def less(rewards: Values, of_greedy: Tensor | None) -> Values:
        if baseline == "greedy" and of_greedy is not None:
            return rewards - of_greedy
        if baseline in ("greedy", "value"):
            return rewards - rewards.mean()
        return BASELINES[baseline](rewards)

    used = {name: weight for name, weight in weights.items() if weight}
    of_greedy = greedy or {}
    if normalised == "before":
        apart_each = {name: less(values[name], of_greedy.get(name)) for name in used}
        if baseline == "group":
            return _scaled(sum_of(apart_each, used))
        return sum_of({name: _scaled(apart) for name, apart in apart_each.items()}, used)
    total = sum_of(values, used)
    apart = less(total, sum_of(of_greedy, used) if of_greedy else None)
    return _scaled(apart) if normalised == "after" else apart


def sum_of(values: Mapping[str, Tensor], weights: Mapping[str, int | float]) -> Tensor:
    """Return the weighted sum of terms.

    Args:
        values: Of each term.
        weights: Of the terms that count.
    """
    return torch.stack([weight * values[name] for name, weight in weights.items()]).sum(dim=0)


def _scaled(apart: Values) -> Values:
    deviation = apart.std(correction=0)
    return apart / deviation if deviation > _LEAST_DEVIATION else torch.zeros_like(apart)
