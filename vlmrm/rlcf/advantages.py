"""How much better each candidate is than the others: its reward less a baseline.

    mean     r_k - mean_j r_j                                    RLCF (arXiv 2305.18010)
    loo      r_k - mean_{j != k} r_j = K / (K - 1) times mean     RLOO
    group    (r_k - mean_j r_j) / (std_j r_j + 1e-4)              GRPO (arXiv 2402.03300)
    none     r_k

With all but `none` the advantages of a row sum to 0, so that the gradient of REINFORCE on the logits is 0 for every
answer that is no candidate.
"""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import SpecError, near_matches

Rewards = Float[Tensor, "r c"]
_LEAST_DEVIATION = 1e-4  # as TRL's GRPOTrainer


def mean(rewards: Rewards) -> Rewards:
    """Less the mean of the row; exactly 0 where all rewards of a row are equal, also after rounding."""
    apart = rewards - rewards[:, :1]
    return apart - apart.mean(dim=1, keepdim=True)


def leave_one_out(rewards: Rewards) -> Rewards:
    """Less the mean of the others.

    Raises:
        SpecError: There is one candidate.
    """
    count = rewards.shape[1]
    if count < 2:
        raise SpecError("the baseline 'loo' is the mean of the other candidates; take at least 2 candidates.")
    return mean(rewards) * (count / (count - 1))


def group(rewards: Rewards) -> Rewards:
    """Less the mean of the row, in units of its deviation."""
    apart = mean(rewards)
    return apart / (apart.square().mean(dim=1, keepdim=True).sqrt() + _LEAST_DEVIATION)


def none(rewards: Rewards) -> Rewards:
    """The rewards themselves: every candidate with a positive one is made more likely."""
    return rewards


BASELINES: dict[str, Callable[[Rewards], Rewards]] = {
    "mean": mean,
    "loo": leave_one_out,
    "group": group,
    "none": none,
}
"""How advantages are made of rewards, by name."""


def require_baseline(name: str, candidates: int | None) -> None:
    """Refuse a name that is no baseline, or one that the number of candidates does not allow.

    Args:
        name: Name of the baseline.
        candidates: Number of candidates; None: all answers.

    Raises:
        SpecError: It is unknown, or is the mean of no others.
    """
    if name not in BASELINES:
        raise SpecError(f"unknown baseline {name!r}. Near: {near_matches(name, BASELINES)}.")
    if name == "loo" and candidates is not None and candidates < 2:
        raise SpecError("the baseline 'loo' is the mean of the other candidates; take at least 2 candidates.")
