"""What stands beside every gain: answers that need no gradient, from the same policy and the same reward.

zero_shot      the policy alone
reward_only    the answer with the highest reward
best_of_k      of the policy's K most likely answers the one with the highest reward
ensemble       the mean of both models' probabilities
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from vlmrm.rewards import RewardModel
from vlmrm.rlcf.answer import WithoutEpisodes
from vlmrm.rlcf.classifier import ClipClassifier
from vlmrm.rlcf.reward_side import SentenceRewards
from vlmrm.types import Frames

CONTROLS = ("zero_shot", "reward_only", "best_of_k", "ensemble")
"""Names of the controls."""

Row = Float[Tensor, " k"]
_SURE = 20.0  # logit of an answer over the others, of what gives an answer and no chances


def best_of_k(policy: Row, rewards: Row, count: int) -> int:
    """Return the answer of highest reward among the policy's most likely ones; of equal ones the likelier.

    Example:
        >>> import torch
        >>> best_of_k(torch.tensor([3.0, 2.0, 1.0]), torch.tensor([0.1, 0.5, 0.9]), count=2)
        1
    """
    likely = policy.topk(count).indices
    return int(likely[rewards[likely].argmax()])


@dataclass(frozen=True, eq=False)
class BothModels:
    """What policy and reward say of one picture before anything is adapted."""

    policy: Row
    """Logits of the policy."""
    rewards: Row
    """Reward of each class."""
    reward_logits: Row
    """Logits of the reward's own encoder."""

    def controls(self, count: int) -> Mapping[str, Row]:
        """Return the logits of each control.

        Args:
            count: Number of candidates of ``best_of_k``.
        """
        chosen = best_of_k(self.policy, self.rewards, count)
        best = self.policy.clone()
        best[chosen] = best.max() + _SURE
        by_reward = self.reward_logits.clone()
        by_reward[self.rewards.argmax()] += 1e-4 * by_reward.abs().max()  # where rounding or a clamp leaves a tie
        joint = (self.policy.softmax(0) + self.reward_logits.softmax(0)) / 2
        return {
            "zero_shot": self.policy,
            "reward_only": by_reward,
            "best_of_k": best,
            "ensemble": joint.log(),
        }


class BothSides:
    """Asks policy and reward of pictures.

    Args:
        classifier: The policy.
        reward: The reward; its head scores pairs.
        rivals: As in `RewardModel.score_pairs`.
    """

    def __init__(self, classifier: ClipClassifier, reward: RewardModel, *, rivals: str | None = None) -> None:
        self._classifier = classifier
        self._rewards = SentenceRewards(reward, classifier.sentences, sees="picture", rivals=rivals)

    def of(self, picture: Frames) -> BothModels:
        """Return what both say of the whole picture."""
        seen = self._rewards.whole(picture)
        scores, logits = self._rewards.scores(seen)[0], self._rewards.logits(seen)[0]
        return BothModels(self._classifier.logits(picture)[0], scores, logits)


class Control(WithoutEpisodes):
    """One of the controls as something that answers.

    Args:
        sides: Policy and reward.
        name: ``zero_shot``, ``reward_only``, ``best_of_k`` or ``ensemble``.
        candidates: Number of answers of ``best_of_k``.
    """

    def __init__(self, sides: BothSides, name: str, *, candidates: int) -> None:
        self._sides, self._name, self._candidates = sides, name, candidates

    def _logits(self, picture: Frames) -> Row:
        return self._sides.of(picture).controls(self._candidates)[self._name]


class Unadapted(WithoutEpisodes):
    """A classifier as it is.

    Args:
        classifier: The classifier.
    """

    def __init__(self, classifier: ClipClassifier) -> None:
        self._classifier = classifier

    def _logits(self, picture: Frames) -> Row:
        return self._classifier.logits(picture)[0]
