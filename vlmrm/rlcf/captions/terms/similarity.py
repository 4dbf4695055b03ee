"""How well a caption fits its picture, by any reward whose head scores pairs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import SpecError
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.rlcf.captions.protocol import Captioner
from vlmrm.rlcf.captions.terms.term import Ready, Shown, Term
from vlmrm.rlcf.labelled import embed_each
from vlmrm.tables import OrTable, read_fields


def _read_reward(values: Mapping[str, Any], path: str) -> RewardSpec:
    return RewardSpec.from_dict(values, where=path)


@dataclass(frozen=True, kw_only=True)
class Similarity(Term):
    """The reward of a caption; CLIPScore of `encoder` where no reward is given.

    Raises:
        SpecError: There is neither a reward nor an encoder, or both.
    """

    reward: OrTable[RewardSpec] | None = field(default=None, metadata={"read": _read_reward})
    """A reward, as its spec."""
    encoder: str = ""
    """Encoder of CLIPScore, in the place of a reward."""
    rivals: str | None = None
    """``pictures``: the pictures of an update compete for each caption; ``texts``: all captions for each picture."""

    def __post_init__(self) -> None:
        super().__post_init__()
        read_fields(self)
        if (self.reward is None) == (not self.encoder):
            raise SpecError("similarity takes a reward, or the encoder of CLIPScore. Give one of them.")
        if self.rivals not in (None, "pictures", "texts"):
            raise SpecError(f"rivals are 'pictures' or 'texts', or left out; got {self.rivals!r}.")

    @property
    def spec(self) -> RewardSpec:
        """The reward."""
        return RewardSpec.clip_score(self.encoder) if self.reward is None else self.reward

    def ready(self, start: Captioner) -> Ready:
        """Load the reward."""
        return SimilarityValues(RewardModel.from_spec(self.spec), self.rivals)


class SimilarityValues:
    """Rewards of captions for their own pictures.

    Args:
        reward: The reward.
        rivals: As in `Similarity`.
    """

    def __init__(self, reward: RewardModel, rivals: str | None) -> None:
        self.reward, self._rivals = reward, rivals

    def __call__(self, shown: Shown) -> Float[Tensor, "n k"]:
        """Return the value of each caption; an empty one has the lowest of all."""
        pairs, (pictures, count) = self.reward.pairs, shown.shape
        said = list(dict.fromkeys(text for text in shown.captions.texts if text))
        if not said:
            return torch.zeros(pictures, count)
        scores = pairs.of_embeddings(embed_each(pairs.embed_images, shown.pictures), said, self._rivals)
        place = {text: column for column, text in enumerate(said)}
        lowest = float(scores.min())
        values = [
            float(scores[row // count, place[text]]) if text else lowest
            for row, text in enumerate(shown.captions.texts)
        ]
        return torch.tensor(values).view(pictures, count)
