"""`PosteriorFeatures`: embeddings with the variance of each dimension, as a posterior of the encoder knows it."""

from vlmrm.encoders.domain_watch import DomainWatch
from vlmrm.encoders.encoder import Encoder, require_finite
from vlmrm.encoders.towers.projections import PreProjection
from vlmrm.errors import SpecError
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.transforms.uncertainty.laplace import ProjectionPosterior
from vlmrm.types import Frames


class PosteriorFeatures:
    """Reads frames together with how unsure the encoder is of each dimension of their embeddings.

    Args:
        encoder: Any of OpenCLIP's own architectures.
        posterior: Posterior of its vision tower.
        sha256: Digest of the posterior, for the fingerprint.
        watch: What warns of strange frames; None: one of its own.

    Raises:
        EncoderError: If the encoder has no last linear map that can be read.
        SpecError: If the posterior is another encoder's.
    """

    def __init__(
        self, encoder: Encoder, posterior: ProjectionPosterior, *, sha256: str, watch: DomainWatch | None = None
    ) -> None:
        self._encoder, self._towers, self._posterior, self._sha256 = encoder, PreProjection(encoder), posterior, sha256
        self._watch = watch or DomainWatch(encoder)
        fits = tuple(reversed(self._towers.frames.weight.shape))
        if (len(posterior.whitening), len(posterior.spread)) != fits:
            raise SpecError(
                f"the posterior is of a map from {len(posterior.whitening)} to {len(posterior.spread)} numbers, and "
                f"that of {encoder.name!r} goes from {fits[0]} to {fits[1]}. Fit it again with this encoder."
            )

    @property
    def fingerprint(self) -> str:
        """Which weights and which posterior it reads with."""
        return f"{self._encoder.fingerprint}-posterior-{self._sha256[:16]}"

    def read(self, frames: Frames) -> FrameFeatures:
        """Return unit-length embeddings, and in "variance" variances in units of their squared length."""
        activations = self._towers.frame_activations(frames)
        embeddings = self._towers.frames(activations)
        squared = embeddings.square().sum(dim=1, keepdim=True)
        unit = require_finite(self._encoder, embeddings / squared.sqrt())
        self._watch.see(unit)
        return FrameFeatures(embeddings=unit, extra={"variance": self._posterior.variances(activations) / squared})
