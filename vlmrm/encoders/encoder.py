"""What every encoder offers: pictures and sentences become unit vectors in one space; and a check of its numbers."""

from typing import Protocol, runtime_checkable

from vlmrm.errors import EncoderError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.types import Embeddings, Frames


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

    def embed_frames(self, frames: Frames) -> Embeddings:
        """Unit-length float32 embeddings on the CPU, one row per frame."""

    def embed_texts(self, texts: list[str]) -> Embeddings:
        """Unit-length float32 embeddings on the CPU, one row per sentence, with the model's own tokenizer."""


def finite(encoder: Encoder, embeddings: Embeddings) -> Embeddings:
    """The embeddings, which a NaN among them would turn into a NaN reward, and some thousand steps later a NaN policy.

    Args:
        encoder: Whose they are.
        embeddings: To be looked at.

    Raises:
        EncoderError: There is NaN or infinity among them.
    """
    if not bool(embeddings.isfinite().all()):
        bad = int((~embeddings.isfinite().all(dim=1)).sum())
        raise EncoderError(
            f"encoder {encoder.name!r} gave NaN or infinity for {bad} of {len(embeddings)} inputs. "
            'Try precision="fp32", and check the weights.'
        )
    return embeddings
