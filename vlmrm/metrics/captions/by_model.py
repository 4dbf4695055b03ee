"""Captions judged by embeddings: CLIPScore with and without references, recall in a gallery, and what was cut off.

Hessel et al. 2021, "CLIPScore: A Reference-free Evaluation Metric for Image Captioning" (arXiv 2104.08718). The paper
puts "A photo depicts" before each caption, and takes ViT-B/32.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import FrameError

_WEIGHT = 2.5


def clip_scores(images: Float[Tensor, "n d"], captions: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """Return ``2.5 max(cos, 0)`` of each caption and its picture.

    Args:
        images: Unit-length embeddings of pictures.
        captions: Unit-length embeddings of a caption of each.

    Example:
        >>> clip_scores(torch.eye(2), torch.tensor([[0.6, 0.8], [0.0, -1.0]])).tolist()
        [1.5, 0.0]
    """
    return _WEIGHT * (images * captions).sum(dim=1).clamp(min=0)


def ref_clip_scores(
    images: Float[Tensor, "n d"], captions: Float[Tensor, "n d"], references: Sequence[Float[Tensor, "_ d"]]
) -> Float[Tensor, " n"]:
    """Return the harmonic mean of CLIPScore and of the cosine with the nearest reference, which is at least 0.

    Args:
        images: Unit-length embeddings of pictures.
        captions: Unit-length embeddings of a caption of each.
        references: Unit-length embeddings of the references of each.

    Raises:
        FrameError: A picture has no references.

    Example:
        >>> like = torch.tensor([[0.5, 0.8660254]])
        >>> round(float(ref_clip_scores(torch.eye(2)[:1], torch.eye(2)[:1], [like])), 3)
        0.833
    """
    if len(references) != len(captions) or any(not len(several) for several in references):
        raise FrameError(
            f"each of {len(captions)} captions has references; got {len(references)}, some of them perhaps empty."
        )
    fits = clip_scores(images, captions)
    pairs = zip(references, captions, strict=True)
    like = torch.stack([(several @ one).max().clamp(min=0) for several, one in pairs])
    both = fits + like
    return torch.where(both > 0, 2 * fits * like / both.clamp(min=1e-12), torch.zeros_like(both))


def recall_at(scores: Float[Tensor, "n k"], right: Sequence[int], count: int = 1) -> float:
    """Return the share of captions whose own picture is among the first of a gallery.

    Args:
        scores: Of each caption with each picture of the gallery.
        right: Place of each caption's own picture.
        count: How many are looked at.

    Example:
        >>> recall_at(torch.tensor([[0.9, 0.1], [0.8, 0.2]]), [0, 1])
        0.5
    """
    own = scores.gather(1, torch.as_tensor(list(right))[:, None])
    before = (scores >= own).sum(dim=1) - 1  # what is as good counts as before: a constant finds nothing
    return float((before < count).float().mean())


def count_cut_off(tokens: Sequence[int], context: int) -> int:
    """Return how many captions a text tower does not read to their end.

    Args:
        tokens: Number of tokens of each, with those of start and end.
        context: Tokens that the tower reads.
    """
    return sum(count > context for count in tokens)
