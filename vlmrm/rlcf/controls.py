"""What stands beside every gain: answers that need no gradient, from the same policy and the same reward.

zero_shot      the policy alone
reward_only    the answer with the highest reward
best_of_k      of the policy's K most likely answers the one with the highest reward
ensemble       the mean of both models' probabilities
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.ensemble import ensemble_members
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.rlcf.answer import WithoutEpisodes
from vlmrm.rlcf.reward_side import RewardSide
from vlmrm.rlcf.views import query_key

CONTROLS = ("zero_shot", "reward_only", "best_of_k", "ensemble")
"""Names of the controls."""

Row = Float[Tensor, " k"]
_MOST_KNOWN = 10_000  # queries; with 1,000 answers 120 MB


@runtime_checkable
class Ranks(Protocol):
    """What ranks answers before anything is adapted: see `vlmrm.rlcf.zero_shot.ZeroShot`."""

    @property
    def encoder(self) -> Encoder:
        """What embeds pictures and texts."""

    def logits(self, queries: Any) -> Any:
        """Return the scaled cosines of queries and answers."""

    def rewards(self, reward: RewardModel, *, sees: str, rivals: str | None) -> RewardSide:
        """Return what a reward says of queries and answers."""


def best_of_k(policy: Row, rewards: Row, count: int) -> int:
    """Return the answer of highest reward among the policy's most likely ones; of equal ones the likelier.

    Example:
        >>> import torch
        >>> best_of_k(torch.tensor([3.0, 2.0, 1.0]), torch.tensor([0.1, 0.5, 0.9]), count=2)
        1
    """
    likely = policy.topk(count).indices
    return int(likely[rewards[likely].argmax()])


def put_first(logits: Row, answer: int) -> Row:
    """Return logits in which an answer is the best, by an exchange with what was: no chance is invented.

    Example:
        >>> import torch
        >>> put_first(torch.tensor([3.0, 2.0, 1.0]), 2)
        tensor([1., 2., 3.])
    """
    exchanged, best = logits.clone(), int(logits.argmax())
    exchanged[[best, answer]] = logits[[answer, best]]
    return exchanged


def own_reward(policy: Ranks, reward: RewardModel) -> RewardModel:
    """Return the reward that the policy's own model gives in the place of a reward's, for ``self_reward``.

    Args:
        policy: The policy.
        reward: The reward. That of several models has no like of one: CLIPScore takes its place.
    """
    name = policy.encoder.name
    several = bool(ensemble_members(reward.spec.encoder))
    spec = RewardSpec.clip_score(name) if several else replace(reward.spec, encoder=name)
    return RewardModel(policy.encoder, spec)


@dataclass(frozen=True, eq=False)
class BothModels:
    """What policy and reward say of one query before anything is adapted."""

    policy: Row
    """Logits of the policy."""
    rewards: Row
    """Reward of each answer."""
    reward_logits: Row
    """Logits of the reward's own encoder."""

    def controls(self, count: int) -> Mapping[str, Row]:
        """Return the logits of each control.

        Args:
            count: Number of candidates of ``best_of_k``.
        """
        joint = (self.policy.softmax(0) + self.reward_logits.softmax(0)) / 2
        return {
            "zero_shot": self.policy,
            "reward_only": put_first(self.reward_logits, int(self.rewards.argmax())),
            "best_of_k": put_first(self.policy, best_of_k(self.policy, self.rewards, count)),
            "ensemble": joint.log(),
        }


class BothSides:
    """Asks policy and reward.

    Args:
        policy: The policy.
        reward: The reward; its head scores pairs.
        rivals: As in `RewardModel.score_pairs`.
    """

    def __init__(self, policy: Ranks, reward: RewardModel, *, rivals: str | None = None) -> None:
        self._policy = policy
        self._rewards = policy.rewards(reward, sees="picture", rivals=rivals)
        self._known: dict[str, BothModels] = {}

    def of(self, query: Any) -> BothModels:
        """Return what both say of the whole query; each is asked about once, whichever control wants it."""
        key = query_key(query)
        if key not in self._known:
            seen = self._rewards.whole(query)
            scores, logits = self._rewards.scores(seen)[0], self._rewards.logits(seen)[0]
            asked = BothModels(self._policy.logits(query)[0], scores, logits)
            if len(self._known) >= _MOST_KNOWN:
                return asked
            self._known[key] = asked
        return self._known[key]


class Control(WithoutEpisodes):
    """One of the controls as something that answers.

    Args:
        sides: Policy and reward.
        name: ``zero_shot``, ``reward_only``, ``best_of_k`` or ``ensemble``.
        candidates: Number of answers of ``best_of_k``.
    """

    def __init__(self, sides: BothSides, name: str, *, candidates: int) -> None:
        self._sides, self._name, self._candidates = sides, name, candidates

    def _logits(self, query: Any) -> Row:
        return self._sides.of(query).controls(self._candidates)[self._name]
