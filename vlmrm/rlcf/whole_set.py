"""What a whole unlabelled set of pictures teaches a classifier, before any of them is answered.

upl             per class the most confident pictures are its labels, and words are learned from them (UPL, arXiv
                2204.03649; CoOp's words, arXiv 2109.01134)
with_prototypes per class the mean picture stands beside its sentence: pictures are given to classes by both, and the
                means are taken anew (the prototypes of DPA, arXiv 2408.08855, without its training)

Unlike an episode, both need all pictures at once, and answers depend on the set.
"""

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from vlmrm.encoders.ensemble import embed_pictures
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.learned_words import learn_words
from vlmrm.errors import FrameError, SpecError
from vlmrm.rlcf.classifier import ClipClassifier
from vlmrm.rlcf.labelled import Asked, embed_each
from vlmrm.rlcf.reward_side import encoder_logits
from vlmrm.rlcf.training_free.from_embeddings import FromEmbeddings
from vlmrm.types import Embeddings

_WORDS = 4  # learned, where the template has none before the class


def upl(
    classifier: ClipClassifier,
    pictures: Asked,
    *,
    shots: int = 16,
    steps: int = 50,
    learning_rate: float = 2e-3,
) -> ClipClassifier:
    """Return a classifier whose words are learned from the pictures that each class is surest of.

    Args:
        classifier: A model of OpenCLIP and its classes; it stays as it is.
        pictures: The set, without labels.
        shots: Number of pictures that stand for each class.
        steps: Updates of AdamW; each sees all of these pictures.
        learning_rate: Its learning rate.

    Raises:
        FrameError: There are no pictures.
        SpecError: A number is below 1.

    Example:
        >>> poles = ClipClassifier.load("random:sim-xs", ["stands upright", "hangs down"], template="the pole {}")
        >>> black = torch.zeros(3, 64, 64, 3, dtype=torch.uint8)
        >>> upl(poles, black, steps=1).predict(black).shape
        torch.Size([3, 2])
    """
    if shots < 1 or steps < 1:
        raise SpecError(f"shots and steps are at least 1; got {shots} and {steps}.")
    seen = _embedded(classifier, pictures)
    place, label = most_confident_of_each(_logits(classifier, seen), shots)
    with torch.inference_mode(False), torch.enable_grad():
        tuned = DifferentiableEncoder(classifier.encoder, copied=())
        words = learn_words(tuned, classifier.template, count=_WORDS)
        optimiser = torch.optim.AdamW([words.change], lr=learning_rate, weight_decay=0.0)
        shown, right = seen[place].clone(), label.clone()
        for _ in range(steps):
            logits = encoder_logits(tuned, shown, tuned.embed_texts(list(classifier.sentences)))
            optimiser.zero_grad()
            torch.autograd.backward(cross_entropy(logits, right))
            optimiser.step()
    words.change.requires_grad_(False)
    return ClipClassifier(tuned, classifier.classes, classifier.template)


class Prototypes(FromEmbeddings):
    """A classifier of sentences and of mean pictures.

    Args:
        classifier: Encoder and sentences.
        means: The mean picture of each class.
        weight: Share of the mean pictures in the chance of a class.
    """

    def __init__(self, classifier: ClipClassifier, means: Float[Tensor, "k d"], *, weight: float) -> None:
        super().__init__(classifier.encoder)
        self._texts, self._means, self._weight = classifier.embedded, means, weight

    def chances(self, seen: Embeddings) -> Float[Tensor, "n k"]:
        """Return the chance of each class, by the embeddings of pictures."""
        by_text, by_mean = (
            encoder_logits(self._encoder, seen, rows).softmax(dim=1) for rows in (self._texts, self._means)
        )
        return (1 - self._weight) * by_text + self._weight * by_mean

    def _of(self, seen: Float[Tensor, "1 d"]) -> Float[Tensor, " k"]:
        return self.chances(seen)[0].log()


def with_prototypes(classifier: ClipClassifier, pictures: Asked, *, weight: float = 0.5, rounds: int = 5) -> Prototypes:
    """Return a classifier with the mean pictures of an unlabelled set.

    Args:
        classifier: Any encoder and its classes.
        pictures: The set.
        weight: Share of the mean pictures in the chance of a class; the rest is that of the sentences.
        rounds: How often the means are taken anew.

    Raises:
        FrameError: There are no pictures.
        SpecError: The weight is outside of 0 to 1, or there is no round.

    Example:
        >>> poles = ClipClassifier.load("random:sim-xs", ["stands upright", "hangs down"], template="the pole {}")
        >>> black = torch.zeros(3, 64, 64, 3, dtype=torch.uint8)
        >>> with_prototypes(poles, black).predict(black).shape
        torch.Size([3, 2])
    """
    if not 0 <= weight <= 1 or rounds < 1:
        raise SpecError(f"weight lies in 0 to 1 and rounds is at least 1; got {weight} and {rounds}.")
    seen = _embedded(classifier, pictures)
    chances = _logits(classifier, seen).softmax(dim=1)
    for _ in range(rounds):
        found = Prototypes(classifier, mean_pictures(seen, chances, classifier.embedded), weight=weight)
        chances = found.chances(seen)
    return found


def mean_pictures(seen: Embeddings, chances: Float[Tensor, "n k"], texts: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
    """Return the mean of the pictures that are given to each class, by their chance, at unit length.

    Args:
        seen: Embeddings of the pictures.
        chances: Chance of each class; a picture is given to the most likely one.
        texts: Embeddings of the sentences, which stand for classes that no picture is given to.
    """
    best = chances.argmax(dim=1)
    given = torch.zeros_like(chances).scatter_(1, best[:, None], chances.gather(1, best[:, None]))
    sums = given.T @ seen
    return normalize(torch.where(given.sum(dim=0)[:, None] > 0, sums, texts), dim=1)


def most_confident_of_each(logits: Float[Tensor, "n k"], count: int) -> tuple[Int[Tensor, " m"], Int[Tensor, " m"]]:
    """Return the pictures that are likeliest of each class, at most so many, and the class that each stands for.

    A picture may stand for several classes, as UPL has it: each class has its pictures, also one that is never first.

    Example:
        >>> places, labels = most_confident_of_each(torch.tensor([[3.0, 0.0], [2.0, 1.0], [0.0, 4.0]]), count=1)
        >>> places.tolist(), labels.tolist()
        ([0, 2], [0, 1])
    """
    chances = logits.softmax(dim=1)
    count = min(count, len(logits))
    places = chances.topk(count, dim=0).indices.T.flatten()
    return places, torch.arange(logits.shape[1]).repeat_interleave(count)


def _embedded(classifier: ClipClassifier, pictures: Asked) -> Embeddings:
    if not len(pictures):
        raise FrameError("a set has at least one picture; got none.")
    return embed_each(partial(embed_pictures, classifier.encoder), pictures)


def _logits(classifier: ClipClassifier, seen: Embeddings) -> Float[Tensor, "n k"]:
    return encoder_logits(classifier.encoder, seen, classifier.embedded)
