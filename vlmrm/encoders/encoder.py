"""What every encoder offers: pictures and sentences become unit vectors in one space; and a check of its numbers."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor

from vlmrm.errors import EncoderError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.types import Embeddings, Frames


@runtime_checkable
class EncoderDomain(Protocol):
    """What an encoder was trained on, as far as that is known."""

    def strange_frames(self, embeddings: Embeddings) -> Mapping[str, Bool[Tensor, " n"]]:
        """Return which frames lie outside, by the name of the model."""

    def nearest(self, frames: Embeddings, sentences: Float[Tensor, "k d"]) -> Mapping[str, tuple[float, float]]:
        """Return the highest cosine of frames and sentences, and the usual one where a sentence is about what is seen.

        Returns:
            Both by the name of the model; the second is -1 where it is unknown.
        """

    def strange_words(self, sentence: str) -> Mapping[str, Mapping[str, str]]:
        """Return what is to be said of words that do not fit, by the name of the model and the word."""


@runtime_checkable
class Encoder(Protocol):
    """A dual encoder of the CLIP family. Implementations batch by themselves and take any number of frames."""

    @property
    def name(self) -> str:
        """How to load it again, e.g. ``sim-s`` or ``ViT-L-14/openai``."""

    @property
    def fingerprint(self) -> str:
        """Short hash of weights, architecture and preprocessing: equal for two encoders that give the same numbers.

        Precision and device do not change it. See `vlmrm.encoders.fingerprint`.
        """

    @property
    def dim(self) -> int:
        """Length of an embedding."""

    @property
    def size_px(self) -> int:
        """Side of the square picture the vision tower sees."""

    @property
    def preprocessing(self) -> Preprocessing:
        """The model's own resize and normalisation; picklable, so that environments can shrink their own frames."""

    @property
    def logit_scale(self) -> float:
        """Factor on cosines in the model's own loss (already exponentiated)."""

    @property
    def logit_bias(self) -> float:
        """Added to the scaled cosine; 0 where the model has none (all but SigLIP)."""

    @property
    def domain(self) -> EncoderDomain | None:
        """What the model knows, for warnings outside of that; None: unknown, as of all but the built-in ones."""

    def embed_frames(self, frames: Frames) -> Embeddings:
        """Unit-length float32 embeddings on the CPU, one row per frame."""

    def embed_texts(self, texts: list[str]) -> Embeddings:
        """Unit-length float32 embeddings on the CPU, one row per sentence, with the model's own tokenizer."""


def require_finite(encoder: Encoder, embeddings: Embeddings) -> Embeddings:
    """Return the embeddings; NaN among them would become a NaN reward and, some thousand steps later, a NaN policy.

    Args:
        encoder: The encoder that made them.
        embeddings: Rows to look at.

    Raises:
        EncoderError: If any value is NaN or infinite.
    """
    if not bool(embeddings.isfinite().all()):
        bad = int((~embeddings.isfinite().all(dim=1)).sum())
        raise EncoderError(
            f"encoder {encoder.name!r} gave NaN or infinity for {bad} of {len(embeddings)} inputs. "
            'Try precision="fp32", and check the weights.'
        )
    return embeddings
