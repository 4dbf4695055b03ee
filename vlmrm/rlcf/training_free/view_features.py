"""The embeddings of a picture's views, and their logits."""

from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.ensemble import embed_pictures
from vlmrm.rlcf.classifier import ClipClassifier
from vlmrm.rlcf.reward_side import encoder_logits
from vlmrm.rlcf.views import ViewOptions, cut, draw_boxes
from vlmrm.types import Frames


class ViewFeatures:
    """Embeds the views of pictures.

    Args:
        classifier: Encoder and sentences.
        views: How many, and of what.
        seed: Decides the crops, together with the picture.
    """

    def __init__(self, classifier: ClipClassifier, views: ViewOptions, *, seed: int) -> None:
        self._classifier, self._views, self._seed = classifier, views, seed

    def of(self, picture: Frames) -> Float[Tensor, "v d"]:
        """Return one row for each view; the first is the whole picture."""
        encoder = self._classifier.encoder
        boxes = draw_boxes(picture, self._views, self._seed)
        return embed_pictures(encoder, cut(picture, boxes, encoder.preprocessing))

    def logits(self, seen: Float[Tensor, "v d"]) -> Float[Tensor, "v k"]:
        """Return the scaled cosines of embeddings with the sentences."""
        return encoder_logits(self._classifier.encoder, seen, self._classifier.embedded)
