"""Several sentences for each class: their mean (Radford et al. 2021), or weighed for each picture (AutoCLIP)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.rewards.heads.auto_clip import auto_clip_weights, with_templates
from vlmrm.rlcf.classifier import ClipClassifier
from vlmrm.rlcf.reward_side import encoder_logits
from vlmrm.rlcf.training_free.from_embeddings import FromEmbeddings


def _texts(classifier: ClipClassifier, templates: Sequence[str]) -> Float[Tensor, "v k d"]:
    rows = with_templates(classifier.classes, templates)
    return torch.stack([classifier.encoder.embed_texts(list(row)) for row in rows])


class TemplateMean(FromEmbeddings):
    """Each class is the mean of its sentences in several templates, at unit length.

    Args:
        classifier: Encoder and classes; its own template is not used.
        templates: At least one, each with one ``{}``.

    Raises:
        PromptError: A template is there twice or has no ``{}``.
    """

    def __init__(self, classifier: ClipClassifier, templates: Sequence[str]) -> None:
        super().__init__(classifier.encoder)
        self._means = normalize(_texts(classifier, templates).mean(dim=0), dim=1)

    def _of(self, seen: Float[Tensor, "1 d"]) -> Float[Tensor, " k"]:
        return encoder_logits(self._encoder, seen, self._means)[0]


class AutoClip(FromEmbeddings):
    """Templates count by how well they fit the picture (TMLR 2024, arXiv 2309.16414); see `auto_clip_weights`.

    Args:
        classifier: Encoder and classes; its own template is not used.
        templates: At least one, each with one ``{}``.
        entropy_share: Entropy of the weights over that of equal ones; published: 0.85.

    Raises:
        PromptError: A template is there twice or has no ``{}``.
        SpecError: The share is outside 0 to 1.
    """

    def __init__(self, classifier: ClipClassifier, templates: Sequence[str], *, entropy_share: float = 0.85) -> None:
        super().__init__(classifier.encoder)
        self._share = entropy_share
        self._texts = _texts(classifier, templates)

    def _of(self, seen: Float[Tensor, "1 d"]) -> Float[Tensor, " k"]:
        similarities = torch.einsum("nd,vkd->nvk", seen, self._texts)
        weights = auto_clip_weights(similarities, entropy_share=self._share)
        cosines = (weights[:, :, None] * similarities).sum(dim=1)
        return (self._encoder.logit_scale * cosines + self._encoder.logit_bias)[0]
