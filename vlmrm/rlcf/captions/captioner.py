"""`LanguageModelCaptioner`: what all captioners share that write with a language model of transformers.

Subclasses say what is seen and how the language model is given it.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.fingerprint import digest_model, fingerprint_of
from vlmrm.errors import EncoderError, PromptError
from vlmrm.frames.batch import as_frames
from vlmrm.rlcf.captions.adapting import CAPTION_CONTROLS, CaptionPolicy, caption_control
from vlmrm.rlcf.captions.copies import Tune, chosen_parameters, copy_to_tune
from vlmrm.rlcf.captions.protocol import Captions, Seen
from vlmrm.rlcf.policies import Asking
from vlmrm.rlcf.writing import Writing
from vlmrm.types import Frames


class LanguageModelCaptioner(ABC):
    """Writes captions of pictures; a `Captioner` that an `Adapter` takes.

    Args:
        model: All weights that could be tuned, the language model's among them.
        tokenizer: The language model's own.
        name: How to load it again.
        end_token: Token that ends a caption. None: the tokenizer's end-of-sentence token.

    Raises:
        EncoderError: There is no end token, or the tokenizer knows more words than the model.
    """

    def __init__(self, model: nn.Module, tokenizer: Any, *, name: str, end_token: str | None = None) -> None:
        self.model = model.eval().requires_grad_(False)
        """All weights that could be tuned."""
        self.tokenizer = tokenizer
        """Sentences to token ids."""
        self.name = name
        """How to load it again."""
        self.end = _end_of(tokenizer, end_token, name)
        """Id of the token that ends a caption."""
        words = int(self.language_model.get_input_embeddings().num_embeddings)
        if len(tokenizer) > words:
            raise EncoderError(
                f"the tokenizer of {name!r} has {len(tokenizer)} tokens and its language model {words}: they are not "
                "of one checkpoint. Give the tokenizer that the language model was trained with."
            )

    @property
    @abstractmethod
    def language_model(self) -> Any:
        """Model of transformers that writes."""

    @property
    @abstractmethod
    def usually_tuned(self) -> str | Callable[[str], bool]:
        """What adaptation tunes where nothing else is said: the beginning of names, or a function of a name."""

    @property
    @abstractmethod
    def sees_with(self) -> Encoder | None:
        """Encoder that embeds pictures, which cannot be its own reward. None: it has a vision tower of its own."""

    @abstractmethod
    def see(self, images: Frames) -> Seen:
        """Return what the captioner makes of pictures of one size; the same in each step of an episode."""

    @abstractmethod
    def log_probabilities(self, seen: Seen, captions: Captions) -> Float[Tensor, "n t"]:
        """Return the log-probability of each token, and 0 where there is none.

        Args:
            seen: Of one picture for each caption.
            captions: What is weighed.
        """

    @abstractmethod
    def states(self, seen: Seen, captions: Captions) -> Float[Tensor, "n t h"]:
        """Return the last hidden state of the language model before it says each token."""

    @abstractmethod
    def _given(self, seen: Seen) -> dict[str, Any]:
        """What ``generate`` takes of pictures."""

    @abstractmethod
    def _said_of_sight(self) -> dict[str, Any]:
        """What decides `see`, as plain values for the fingerprint."""

    @property
    def fingerprint(self) -> str:
        """Short hash of all that decides captions; that of an adapted one differs."""
        return fingerprint_of({**self._said_of_sight(), "weights": digest_model(self.model), "end": self.end})

    @property
    def device(self) -> torch.device:
        """Where the language model lies."""
        return next(self.model.parameters()).device

    def caption(self, images: Frames, how: Writing | None = None) -> tuple[str, ...]:
        """Return captions of pictures, in order; see `write`."""
        with torch.inference_mode():
            return self.write(self.see(images), how).texts

    def write(self, seen: Seen, how: Writing | None = None, *, seed: int = 0) -> Captions:
        """Return captions, all of the first picture before those of the second; the likeliest of a beam first.

        Args:
            seen: What the captioner makes of pictures.
            how: How many captions, and how they are found. None: one, greedily.
            seed: Decides words that are drawn; the global random state stays as it is.
        """
        arguments = (how or Writing()).arguments()
        special = {"eos_token_id": self.end, "pad_token_id": self._filler}
        with torch.no_grad(), _own_chance(seed, self.device):
            written: Tensor = self.language_model.generate(**self._given(seen), **arguments, **special)
        return self._without_start(written)

    def tokens_of(self, texts: Sequence[str]) -> Captions:
        """Return sentences as captions with their end token.

        Raises:
            PromptError: There is no sentence, or one has no token.
        """
        if not texts:
            raise PromptError("there is no caption to read. Give at least one.")
        rows = [self.tokenizer.encode(text, add_special_tokens=False) for text in texts]
        for text, row in zip(texts, rows, strict=True):
            if not row:
                raise PromptError(f"a caption has at least one word; got {text!r}.")
        return self._filled([[*row, self.end] for row in rows])

    def read(self, queries: Any) -> Frames:
        """Return pictures as frames."""
        return as_frames(queries)

    def policy(self, asking: Asking) -> CaptionPolicy:
        """Return a copy that can be tuned; see `CaptionPolicy` for the errors."""
        return CaptionPolicy(self, asking)

    def controls(self, query: Any, asking: Asking) -> Mapping[str, tuple[str]]:
        """Return what stands beside an adapted caption; see `caption_control`."""
        picture = self.read(query)
        return {name: (caption_control(self, picture, asking, name),) for name in CAPTION_CONTROLS}

    def parameters_of(self, tune: Tune) -> list[nn.Parameter]:
        """Return parameters by their names; see `chosen_parameters`."""
        return chosen_parameters(self.model, tune, name=self.name)

    def copied(self, tune: Tune) -> "tuple[LanguageModelCaptioner, list[nn.Parameter]]":
        """Return a copy in which some parameters ask for gradients, and these; all others it shares with this one."""
        twin = copy.copy(self)
        twin.model, tuned = copy_to_tune(self.model, self.parameters_of(tune))
        return twin, tuned

    @property
    def _filler(self) -> int:
        filler = self.tokenizer.pad_token_id
        return self.end if filler is None else int(filler)

    def _without_start(self, written: Tensor) -> Captions:
        rows = []
        for row in written.tolist():
            rows.append(row[: row.index(self.end) + 1] if self.end in row else row)
        return self._filled(rows)

    def _filled(self, rows: Sequence[Sequence[int]]) -> Captions:
        said = [[token for token in row if token != self.end] for row in rows]
        texts = [self.tokenizer.decode(row, skip_special_tokens=True).strip() for row in said]
        return Captions.of_rows(texts, rows, end=self.end, filler=self._filler).to(self.device)


def _end_of(tokenizer: Any, end_token: str | None, name: str) -> int:
    if end_token is None:
        if tokenizer.eos_token_id is None:
            raise EncoderError(f"{name!r} has no end token, so that no caption would end. Name one: end_token=....")
        return int(tokenizer.eos_token_id)
    if end_token in tokenizer.get_vocab():
        return int(tokenizer.get_vocab()[end_token])
    ids = tokenizer.encode(end_token, add_special_tokens=False)
    if len(ids) != 1:
        raise EncoderError(f"{end_token!r} is not one token of {name!r} but {len(ids)}. Name another end_token.")
    return int(ids[0])


@contextmanager
def _own_chance(seed: int, device: torch.device) -> Iterator[None]:
    """Chance of its own: transformers draws from the global source, which is put back."""
    gpus = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(gpus):
        torch.manual_seed(seed)
        yield
