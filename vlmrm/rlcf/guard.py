"""When to keep one's hands off: a guard decides before an episode, without labels, whether the reward is to be trusted.

Four signs, of which each has a `Guard` that adapts where

    confidence    the reward's highest probability, less the policy's, is at least the threshold
    certainty     the reward's highest probability is at least the threshold
    domain        the reward's encoder knows pictures like this one
    auto          it knows them, or is surer than the policy by the threshold; nothing known of a domain: confidence
"""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import SpecError, near_matches
from vlmrm.rlcf.reward_side import RewardSide

SIGNS = ("auto", "confidence", "certainty", "domain")
"""What a guard can go by."""


@dataclass(frozen=True)
class Guard:
    """Decides by one sign.

    Raises:
        SpecError: There is no such sign.
    """

    sign: str = "auto"
    """``auto``, ``confidence``, ``certainty`` or ``domain``."""
    threshold: int | float = 0.2
    """Where the sign begins to speak for adapting; not used by ``domain``."""

    def __post_init__(self) -> None:
        if self.sign not in SIGNS:
            raise SpecError(f"unknown sign of a guard {self.sign!r}. Near: {near_matches(self.sign, SIGNS)}.")

    def adapts(self, policy: Float[Tensor, " k"], rewards: RewardSide | None, query: Any) -> bool:
        """Return whether to adapt to a query.

        Args:
            policy: The policy's logits of the whole query.
            rewards: What the reward says of queries.
            query: A picture, or a text that is searched among pictures.

        Raises:
            SpecError: There is no reward, or nothing is known of what its encoder knows.
        """
        if rewards is None:
            raise SpecError("a guard looks at the reward. Give the adapter one.")
        seen = rewards.whole(query)
        known = None if self.sign in ("confidence", "certainty") else rewards.known(seen)
        if self.sign == "domain" and known is None:
            raise SpecError(
                f"nothing is known of what {rewards.reward.encoder.name!r} was trained on. Use Guard('confidence')."
            )
        if self.sign == "domain" or known:
            return bool(known)
        sure = float(rewards.logits(seen).softmax(dim=1).max())
        beside = 0.0 if self.sign == "certainty" else float(policy.softmax(dim=0).max())
        return sure - beside >= self.threshold
