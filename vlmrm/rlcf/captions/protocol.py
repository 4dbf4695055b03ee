"""`Captioner`: what adaptation and training need of whatever writes captions; and `Captions`, as it writes them.

    pictures ─► see ─► write                  captions, by beam search or by chance
                   └─► log_probabilities      of each token of captions, with gradients where weights ask for them

Padding never counts, the end token always does, and how long a caption is says its own length, not its neighbours'.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from vlmrm.encoders.encoder import Encoder
from vlmrm.rlcf.writing import Writing
from vlmrm.types import Frames

Seen = Float[Tensor, "n ..."]
"""What a captioner makes of pictures before it writes, one row for each."""


@dataclass(frozen=True, eq=False)
class Captions:
    """Captions as texts and as tokens."""

    texts: tuple[str, ...]
    """Captions without special tokens."""
    tokens: Int[Tensor, "n t"]
    """Token ids, filled up behind each end."""
    lengths: Int[Tensor, " n"]
    """Number of tokens of each, its end token included."""
    ended: Bool[Tensor, " n"]
    """Whether each has an end token: one that was cut off has none."""

    @property
    def mask(self) -> Bool[Tensor, "n t"]:
        """Which tokens count."""
        return torch.arange(self.tokens.shape[1], device=self.tokens.device) < self.lengths[:, None]

    @classmethod
    def of_rows(cls, texts: Sequence[str], rows: Sequence[Sequence[int]], *, end: int, filler: int) -> "Captions":
        """Return captions of token ids.

        Args:
            texts: Captions without special tokens.
            rows: Token ids of each, its end token included where it has one.
            end: Id of the token that ends a caption.
            filler: Id of what stands behind an end.
        """
        longest = max(map(len, rows))
        return cls(
            texts=tuple(texts),
            tokens=torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows]),
            lengths=torch.tensor([len(row) for row in rows]),
            ended=torch.tensor([row[-1] == end for row in rows]),
        )

    def to(self, device: torch.device) -> "Captions":
        """Return the same on a device."""
        return Captions(self.texts, self.tokens.to(device), self.lengths.to(device), self.ended.to(device))

    def at(self, places: Sequence[int]) -> "Captions":
        """Return some of them, in the given order."""
        rows = torch.as_tensor(list(places), dtype=torch.long, device=self.tokens.device)
        return Captions(
            tuple(self.texts[place] for place in places), self.tokens[rows], self.lengths[rows], self.ended[rows]
        )


@runtime_checkable
class Captioner(Protocol):
    """Writes captions of pictures, and says how likely it is to write given ones."""

    @property
    def name(self) -> str:
        """How to load it again."""

    @property
    def fingerprint(self) -> str:
        """Short hash of all that decides captions."""

    @property
    def model(self) -> nn.Module:
        """All weights that could be tuned."""

    @property
    def language_model(self) -> Any:
        """Causal language model of transformers that writes."""

    @property
    def tokenizer(self) -> Any:
        """Sentences to token ids, and back."""

    @property
    def end(self) -> int:
        """Id of the token that ends a caption."""

    @property
    def device(self) -> torch.device:
        """Where it lies."""

    @property
    def usually_tuned(self) -> str | Callable[[str], bool]:
        """What adaptation tunes where nothing else is said: the beginning of names, or a function of a name."""

    @property
    def sees_with(self) -> Encoder | None:
        """Encoder that embeds pictures, which cannot be its own reward. None: it has a vision tower of its own."""

    def see(self, images: Frames) -> Seen:
        """Return what the captioner makes of pictures of one size; the same in each step of an episode."""

    def write(self, seen: Seen, how: Writing | None = None, *, seed: int = 0) -> Captions:
        """Return captions, all of the first picture before those of the second; the likeliest of a beam first.

        Args:
            seen: What the captioner makes of pictures.
            how: How many captions, and how they are found. None: one, greedily.
            seed: Decides words that are drawn; the global random state stays as it is.
        """

    def log_probabilities(self, seen: Seen, captions: Captions) -> Float[Tensor, "n t"]:
        """Return the log-probability of each token, and 0 where there is none.

        Args:
            seen: Of one picture for each caption.
            captions: What is weighed.
        """

    def states(self, seen: Seen, captions: Captions) -> Float[Tensor, "n t h"]:
        """Return the last hidden state of the language model before it says each token.

        Args:
            seen: Of one picture for each caption.
            captions: What it says.
        """

    def tokens_of(self, texts: Sequence[str]) -> Captions:
        """Return sentences as captions with their end token."""

    def copied(self, tune: str | Callable[[str], bool]) -> "tuple[Captioner, list[nn.Parameter]]":
        """Return a copy in which some parameters ask for gradients, and these; all others it shares with this one.

        Args:
            tune: Beginning of the names of parameters, or a function of a name.
        """


def of_tokens(logits: Float[Tensor, "n t v"], captions: Captions) -> Float[Tensor, "n t"]:
    """Return the log-probability of each token by the logits of its place, and 0 where there is none."""
    chances = logits.float().log_softmax(dim=2).gather(2, captions.tokens[:, :, None])[:, :, 0]
    return chances.masked_fill(~captions.mask, 0.0)


def mean_surprise(log_probabilities: Float[Tensor, "n t"], captions: Captions) -> Float[Tensor, " n"]:
    """Return the cross-entropy of each caption, divided by its own length."""
    return -log_probabilities.sum(dim=1) / captions.lengths
