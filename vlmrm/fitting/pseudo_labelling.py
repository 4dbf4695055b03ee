"""Labels by name alone: of a bank of frames that nobody has labelled, those that the sentences are surest of.

SuS-X (Udandarao et al. 2023, arXiv 2211.16198) builds the support of Tip-Adapter from pictures that are found, not
labelled. Here a frame's margin decides: its cosine with the goal less the largest with any other sentence. The frames
of the largest margins are taken for successes, those of the smallest for failures. It costs nothing and knows nothing
that the sentences do not: where they rank the frames wrongly, so do the labels, and where no frame of the bank shows
the goal, the labels are wrong. With the built-in ``sim-m`` it helps some rewards, harms others and changes nothing on
average, unlike three labelled frames of each kind (experiments/results/heads.md).
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vlmrm.errors import SpecError
from vlmrm.rewards.heads.projection import unit_mean
from vlmrm.rewards.model import RewardModel
from vlmrm.types import Embeddings

Found = tuple[Int[Tensor, " m"], Float[Tensor, " m"]]


def pseudo_labels(reward: RewardModel, frames: Any, *, count: int = 8) -> tuple[list[int], list[float]]:
    """Indices and labels of the frames that the prompts classify most confidently, for `vlmrm.fitting.fit`.

    Args:
        reward: The reward whose sentences classify.
        frames: Unlabelled frames, of a random policy, say, as `RewardModel.read` takes them.
        count: Number to find of the goal, and of the baseline and the negatives together.

    Returns:
        The indices, and 1 or 0 for each.

    Raises:
        SpecError: If there are too few frames, or no sentence of what is not the goal.
    """
    prompts = reward.spec.require_prompts()
    texts = reward.encoder.embed_texts([*prompts.goal, *prompts.baseline, *prompts.negatives])
    goal, others = unit_mean(texts[: len(prompts.goal)]), texts[len(prompts.goal) :]
    rows, labels = pseudo_labels_of(reward.embed(frames), goal, others, count=count)
    return rows.tolist(), labels.tolist()


def pseudo_labels_of(
    bank: Embeddings, goal: Float[Tensor, " d"], others: Float[Tensor, "k d"], *, count: int = 8
) -> Found:
    """Rows of the bank that the sentences take for the goal, and rows that they take for something else.

    Args:
        bank: Unit-length embeddings of unlabelled frames, some of which show the goal.
        goal: Unit-length mean of the goal sentences.
        others: Unit-length rows of sentences of what is not the goal, at least one.
        count: How many to find of each.

    Returns:
        The rows, the surest of the goal first and the surest of something else last, and 1 or 0 for each.

    Raises:
        SpecError: The bank has fewer than twice as many frames, or there is no other sentence.

    Example:
        >>> bank = torch.eye(3)[[1, 0, 2, 1]]
        >>> rows, labels = pseudo_labels_of(bank, torch.eye(3)[0], torch.eye(3)[1:2], count=1)
        >>> rows.tolist(), labels.tolist()
        ([1, 3], [1.0, 0.0])
    """
    if not len(others):
        raise SpecError("nothing says what is not the goal. Give negatives, or a baseline, besides it.")
    if count < 1 or len(bank) < 2 * count:
        raise SpecError(f"{count} frames of each kind need a bank of at least {2 * count}; got {len(bank)} frames.")
    margins = bank @ goal - (bank @ others.T).amax(dim=1)
    order = margins.argsort(descending=True, stable=True)
    rows = torch.cat([order[:count], order[-count:]])
    return rows, torch.cat([torch.ones(count), torch.zeros(count)])
