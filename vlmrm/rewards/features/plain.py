"""`PlainFeatures`: whole frames, as the encoder embeds them."""

from vlmrm.encoders.domain_watch import DomainWatch
from vlmrm.encoders.encoder import Encoder, require_finite
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.types import Frames


class PlainFeatures:
    """Reads each frame as one embedding, and warns of frames that the encoder does not know.

    Args:
        encoder: The encoder of frames.
        watch: What warns of strange frames; None: one of its own.
    """

    def __init__(self, encoder: Encoder, watch: DomainWatch | None = None) -> None:
        self._encoder, self._watch = encoder, watch or DomainWatch(encoder)

    @property
    def fingerprint(self) -> str:
        """Which weights and preprocessing it reads with."""
        return self._encoder.fingerprint

    def read(self, frames: Frames) -> FrameFeatures:
        """Return the embeddings.

        Raises:
            EncoderError: If the encoder returned NaN or infinity.
        """
        embeddings = require_finite(self._encoder, self._encoder.embed_frames(frames))
        self._watch.see(embeddings)
        return FrameFeatures(embeddings=embeddings)
