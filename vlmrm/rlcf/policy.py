"""What is adapted: a copy of an encoder, of which some parameters may move, and what it makes of one query.

`TunedEncoder` holds the copy and the parameters. A `Sight` is one query as it sees it; `PictureSight` is a picture in
several views among sentences. What no step changes is embedded once.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.towers.coop_file import read_coop
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.inner import tower_of
from vlmrm.encoders.towers.learned_words import learn_words
from vlmrm.encoders.towers.low_rank import LowRankChange, WeightChanges, attention_weights
from vlmrm.encoders.towers.selection import unfreeze
from vlmrm.errors import SpecError
from vlmrm.rlcf.options import AdaptOptions
from vlmrm.rlcf.views import WHOLE, Box, cut, draw_boxes, random_of
from vlmrm.types import Embeddings, Frames, Pixels

Logits = Float[Tensor, "r k"]
_COPIED = {"image": ("image",), "norm": ("image",), "text": ("text",), "prompt": (), "lora": ()}


@runtime_checkable
class Sight(Protocol):
    """One query, as a policy sees it."""

    def logits(self, rows: Int[Tensor, " r"] | None = None) -> Logits:
        """Return the scaled cosines of some views with all answers; with gradients where they are switched on.

        Args:
            rows: Indices of views. None: all.
        """

    def answers(self) -> Embeddings:
        """Return the embeddings of the answers."""


class TunedEncoder:
    """A copy of an encoder and the parameters that adaptation may move.

    Args:
        encoder: A model of OpenCLIP, which stays as it is.
        options: What is tuned.
        template: The sentence of classes, whose words are learned; None: the first words of each sentence are.

    Raises:
        EncoderError: The encoder is no model of OpenCLIP, or has nothing of the kind to tune; or a file of CoOp
            was made with other weights.
        PromptError: The template has other words before its class than a file of CoOp has vectors.
    """

    def __init__(self, encoder: Encoder, options: AdaptOptions, template: str | None = None) -> None:
        tune = options.tune
        if tune == "mapper":
            raise SpecError("'mapper' is what a captioner tunes. An encoder has 'image', 'text', 'prompt' and others.")
        copied = ("image", "text") if callable(tune) else _COPIED[tune]
        self.encoder = DifferentiableEncoder(encoder, copied=copied, on_device=True)
        """Copy that is tuned."""
        self.parameters, self.moves = self._select(tune, options, template)
        """What is tuned, and the towers that then give other embeddings."""
        self.encoder.model.eval()

    def _select(
        self, tune: str | Callable[[str], bool], options: AdaptOptions, template: str | None
    ) -> tuple[list[nn.Parameter], frozenset[str]]:
        if tune == "prompt":
            start = None if options.coop is None else read_coop(options.coop)
            words = learn_words(self.encoder, template, count=options.words, start=start)
            return [words.change], frozenset({"text"})
        if tune == "lora":
            drawn = random_of(options.seed, b"lora")
            change = partial(LowRankChange, rank=options.rank, alpha=options.rank, generator=drawn)
            changes = WeightChanges(attention_weights(self.encoder.model, towers=("image",)), change)
            return changes.trained, frozenset({"image"})
        found = unfreeze(self.encoder, tune)
        return list(found.values()), frozenset(filter(None, map(tower_of, found)))

    @property
    def scale(self) -> float:
        """Factor on cosines."""
        return self.encoder.logit_scale

    def use_batch_statistics(self) -> None:
        """Let BatchNorms of the picture tower use the statistics of what they see, until they are put back."""
        for module in self.encoder.model.visual.modules():
            if isinstance(module, _BatchNorm):
                module.train()

    def use_own_statistics(self) -> None:
        """Let BatchNorms use the statistics that they have learned."""
        self.encoder.model.visual.eval()


class QuerySide(ABC):
    """How a policy that is tuned sees queries."""

    @abstractmethod
    def view(self, query: Any, options: AdaptOptions) -> tuple[Sight, Sequence[Box]]:
        """Return one query in its views, and the part of it that each shows.

        Args:
            query: A batch of one.
            options: How many views, and of what.
        """

    @abstractmethod
    def logits(self, queries: Any) -> Logits:
        """Return the logits of queries by the weights as they are now."""


class PictureSight:
    """A picture in several views among sentences.

    Args:
        policy: The encoder that is tuned.
        pixels: The views as the encoder takes them.
        sentences: The answers.
    """

    def __init__(self, policy: TunedEncoder, pixels: Pixels, sentences: "Sentences") -> None:
        self._policy, self._pixels, self._sentences = policy, pixels, sentences
        self._seen = None if "image" in policy.moves else _without_graph(policy.encoder.embed_pixels, pixels)

    def logits(self, rows: Int[Tensor, " r"] | None = None) -> Logits:
        """Return one row for each view."""
        of = slice(None) if rows is None else rows
        seen = self._policy.encoder.embed_pixels(self._pixels[of]) if self._seen is None else self._seen[of]
        return self._policy.scale * seen @ self.answers().T + self._policy.encoder.logit_bias

    def answers(self) -> Embeddings:
        """Return the embeddings of the sentences, anew where words are learned."""
        return self._sentences.embedded()


class PictureQueries(QuerySide):
    """Pictures among sentences.

    Args:
        policy: The encoder that is tuned.
        sentences: The answers.
    """

    def __init__(self, policy: TunedEncoder, sentences: Sequence[str]) -> None:
        self._policy, self._sentences = policy, Sentences(policy, sentences)

    def view(self, query: Frames, options: AdaptOptions) -> tuple[Sight, Sequence[Box]]:
        """Cut the views of a picture."""
        encoder, picture = self._policy.encoder, query.clone()
        boxes = draw_boxes(picture, options.views, options.seed)
        views = cut(picture, boxes, encoder.preprocessing).to(encoder.runtime.device)
        return PictureSight(self._policy, encoder.preprocessing.normalise(views), self._sentences), boxes

    def logits(self, queries: Frames) -> Logits:
        """Return the logits of whole pictures."""
        encoder = self._policy.encoder
        return self._policy.scale * encoder.embed_frames(queries) @ self._sentences.embedded().T + encoder.logit_bias


class TextSight:
    """A text among pictures that no step changes.

    Args:
        policy: The encoder that is tuned.
        texts: The query, a list of one.
        pictures: Embeddings of the answers.
    """

    def __init__(self, policy: TunedEncoder, texts: list[str], pictures: Embeddings) -> None:
        self._policy, self._texts, self._pictures = policy, texts, pictures

    def logits(self, rows: Int[Tensor, " r"] | None = None) -> Logits:
        """Return one row: a text has one view, itself."""
        said = self._policy.encoder.embed_texts(self._texts)
        return self._policy.scale * said @ self._pictures.T + self._policy.encoder.logit_bias

    def answers(self) -> Embeddings:
        """Return the embeddings of the pictures."""
        return self._pictures


class TextQueries(QuerySide):
    """Texts among pictures that have been embedded.

    Args:
        policy: The encoder that is tuned; no step changes its pictures.
        pictures: Embeddings of the answers.

    Raises:
        SpecError: What is tuned would change the pictures.
    """

    def __init__(self, policy: TunedEncoder, pictures: Embeddings) -> None:
        if "image" in policy.moves:
            raise SpecError(
                "a text is searched among pictures that stay as they are: tune 'text' or 'prompt', not their tower."
            )
        self._policy = policy
        with torch.inference_mode(False):
            self._pictures = pictures.clone().to(policy.encoder.runtime.device)

    def view(self, query: list[str], options: AdaptOptions) -> tuple[Sight, Sequence[Box]]:
        """Return the text as it is."""
        return TextSight(self._policy, query, self._pictures), [WHOLE]

    def logits(self, queries: list[str]) -> Logits:
        """Return the logits of texts."""
        return TextSight(self._policy, queries, self._pictures).logits()


class Sentences:
    """The sentences of all episodes of a policy, embedded once where no step changes them.

    Args:
        policy: The encoder that is tuned.
        texts: The sentences.
    """

    def __init__(self, policy: TunedEncoder, texts: Sequence[str]) -> None:
        self._policy, self._texts = policy, list(texts)
        self._kept: Embeddings | None = None

    def embedded(self) -> Embeddings:
        """Return one row for each sentence, on the policy's device."""
        if "text" in self._policy.moves:
            return self._policy.encoder.embed_texts(self._texts)
        if self._kept is None:
            self._kept = _without_graph(self._policy.encoder.embed_texts, self._texts)
        return self._kept


def _without_graph(embed: Callable[[Any], Embeddings], what: Any) -> Embeddings:
    with torch.inference_mode(False), torch.no_grad():
        return embed(what)
