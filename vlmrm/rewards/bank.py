"""Labels by name alone: of a bank of frames that nobody has labelled, those nearest to each sentence.

SuS-X (Udandarao et al. 2023, arXiv 2211.16198) builds the support of Tip-Adapter from pictures that are found, not
labelled. The frames nearest to the goal are taken for successes, and those nearest to any other sentence for failures.
It costs nothing and knows nothing that the sentences do not: where they rank the frames wrongly, so do the labels. With
the built-in ``sim-m`` it changes little (experiments/results/heads.md); three labelled frames of each kind are better.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vlmrm.errors import SpecError
from vlmrm.types import Embeddings

Found = tuple[Int[Tensor, " m"], Float[Tensor, " m"]]


def find_support(bank: Embeddings, goal: Float[Tensor, " d"], others: Float[Tensor, "k d"], *, count: int = 8) -> Found:
    """Rows of the bank that show the goal, and rows that show something else, by their nearest sentence.

    Args:
        bank: Unit-length embeddings of unlabelled frames.
        goal: Unit-length mean of the goal sentences.
        others: Unit-length rows of sentences of what is not the goal, at least one.
        count: How many to find of the goal, and of the others together.

    Returns:
        The rows, without repeats, and for each 1 (goal) or 0 (other). A frame nearest to several sentences counts for
        the nearest.

    Raises:
        SpecError: The bank has fewer than twice as many frames, there is no other sentence, or all frames are nearest
            to the same side.

    Example:
        >>> bank = torch.eye(3)[[0, 1, 1, 2]]
        >>> rows, labels = find_support(bank, torch.eye(3)[0], torch.eye(3)[1:2], count=1)
        >>> rows.tolist(), labels.tolist()
        ([0, 1], [1.0, 0.0])
    """
    if not len(others):
        raise SpecError("nothing says what is not the goal. Give negatives, or a baseline, besides it.")
    if count < 1 or len(bank) < 2 * count:
        raise SpecError(f"{count} frames of each kind need a bank of at least {2 * count}; got {len(bank)} frames.")
    cosines = bank @ torch.cat([goal[None], others]).T  # n k
    nearest = cosines.argmax(dim=1)
    best = cosines.gather(1, nearest[:, None])[:, 0]
    rows, labels = [], []
    for label, of in ((1.0, nearest == 0), (0.0, nearest != 0)):
        candidates = of.nonzero()[:, 0]
        if not len(candidates):
            side = "the goal" if label else "another sentence"
            raise SpecError(f"no frame of the bank is nearest to {side}. Give a bank that shows both.")
        found = candidates[best[candidates].argsort(descending=True, stable=True)[:count]]
        rows.append(found)
        labels.append(torch.full((len(found),), label))
    return torch.cat(rows), torch.cat(labels)
