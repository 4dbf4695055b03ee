"""`DomainWatch`: warnings where an encoder is asked about a world that it does not know."""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import OutOfDomainWarning, warn_user
from vlmrm.types import Embeddings

WINDOW = 300
"""Number of recent frames that are looked at together."""
_TOO_MANY = 0.5  # share of the window
_FEW = 0.25  # share at which the world counts as the model's own again; between the two nothing changes


class DomainWatch:
    """Warns when an encoder is asked about a world that it does not know.

    - More than half of the last `WINDOW` frames lie outside the encoder's domain. It warns again where frames had come
      back inside in between.
    - The first `WINDOW` frames all lie far from all sentences: those are about another scene, or about none.
    - A word of a sentence was not in training, or not in sentences about the same scene. Once for each word.

    An encoder without a domain is not watched.

    Args:
        encoder: The encoder to watch; of an ensemble, each member that has a domain is watched.
        sentences: What frames are compared with; embedded when the first `WINDOW` frames have been seen.
    """

    def __init__(self, encoder: Encoder, sentences: Sequence[str] = ()) -> None:
        self._encoder, self._domain, self._sentences = encoder, encoder.domain, list(sentences)
        self._recent: dict[str, Bool[Tensor, " n"]] = {}
        self._outside: set[str] = set()
        self._first: list[Embeddings] = []
        self._warned_words: set[tuple[str, str]] = set()

    def see(self, embeddings: Embeddings) -> None:
        """Look at whole frames, as the encoder embedded them."""
        if self._domain is None:
            return
        for model, outside in self._domain.strange_frames(embeddings).items():
            for part in torch.split(outside, WINDOW):
                self._look_at(model, part)
        if self._sentences:
            self._compare(embeddings)

    def _look_at(self, model: str, outside: Bool[Tensor, " n"]) -> None:
        recent = torch.cat([self._recent.get(model, outside[:0]), outside])[-WINDOW:]
        self._recent[model] = recent
        count = int(recent.sum())
        if count <= _FEW * len(recent):
            self._outside.discard(model)
        if count > _TOO_MANY * len(recent) and model not in self._outside:
            self._outside.add(model)
            _warn(
                f"{count} of the last {len(recent)} frames look like nothing {model!r} was trained on, so its rewards "
                "mean little there. `vlmrm models` prints what it knows; for other scenes use a large model, e.g. "
                "ViT-L-14/openai."
            )

    def _compare(self, embeddings: Embeddings) -> None:
        """Compare the first frames with the sentences, once there are enough."""
        self._first.append(embeddings[:WINDOW].clone())
        if self._domain is None or sum(map(len, self._first)) < WINDOW:
            return
        frames, sentences, self._first, self._sentences = torch.cat(self._first), self._sentences, [], []
        for model, (highest, usual) in self._domain.nearest(frames, self._encoder.embed_texts(sentences)).items():
            if highest < usual and model not in self._outside:
                _warn(
                    f"{model!r} finds none of the sentences {', '.join(map(repr, sentences[:4]))} near any of the "
                    f"first {len(frames)} frames: the highest cosine is {highest:.2f}, where sentences about what is "
                    f"seen reach {usual:.2f} and more. They are about another scene, or about something that these "
                    "frames never showed; a baseline that describes the plain scene tells which."
                )

    def read(self, texts: Iterable[str]) -> None:
        """Look at sentences."""
        if self._domain is None:
            return
        for text in texts:
            for model, remarks in self._domain.strange_words(text).items():
                strange = {word: why for word, why in remarks.items() if (model, word) not in self._warned_words}
                self._warned_words.update((model, word) for word in strange)
                if strange:
                    said = "; ".join(f"{word!r} is {why}" for word, why in strange.items())
                    _warn(
                        f"{model!r} cannot know what {text!r} means: {said}. `vlmrm models {model}` prints its words "
                        "scene by scene."
                    )


def _warn(message: str) -> None:
    warn_user(message, OutOfDomainWarning)
