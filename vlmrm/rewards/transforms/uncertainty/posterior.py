"""``uncertainty = { file, sha256 }``: how unsure the encoder is of each frame, kept in a file beside the spec.

The score stays the head's own; its standard deviation is what the variances of the embedding's dimensions make of it
(`moments.reward_variance`), and `kappa` of it is taken off. `vlmrm.fitting.fit_uncertainty` writes the file.
"""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from vlmrm.atomic import whole_file
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.fingerprint import require_same_weights
from vlmrm.encoders.towers.projections import PreProjection
from vlmrm.errors import SpecError
from vlmrm.prompts import PromptSet
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.features.posterior import PosteriorFeatures
from vlmrm.rewards.protocols import Context
from vlmrm.rewards.transforms.uncertainty.laplace import ProjectionPosterior, TowerSample, fit_posteriors
from vlmrm.rewards.transforms.uncertainty.moments import reward_variance
from vlmrm.rewards.transforms.uncertainty.options import UncertaintyOptions
from vlmrm.rewards.transforms.uncertainty.pessimism import Pessimism
from vlmrm.types import Frames, Rewards


@dataclass(frozen=True, kw_only=True)
class PosteriorOptions(UncertaintyOptions):
    """Options of ``uncertainty`` as a posterior of the encoder knows it (BayesVLM)."""

    kind: ClassVar[str] = "posterior"
    refuses: ClassVar[Mapping[str, str]] = {
        "views": "the uncertainty of several crops is not known",
        "over_time:window": "the uncertainty of several frames is not known",
        "over_time:clip": "the uncertainty of several frames is not known",
    }
    file: str
    """Path of the safetensors file with the posterior."""
    sha256: str
    """SHA-256 of that file."""
    fingerprint: str
    """Fingerprint of the encoder that it is the posterior of."""

    def copied_to(self, folder: Path) -> "PosteriorOptions":
        """Return the same with a copy of the file in a folder."""
        copy = folder / "uncertainty.safetensors"
        with whole_file(copy) as unfinished:
            shutil.copyfile(self.file, unfinished)
        return replace(self, file=str(copy))

    def apply(self, context: Context) -> Context:
        """Return the context with variances read of each frame, and pessimistic scores."""
        encoder = context.encoder
        require_same_weights("uncertainty", self.fingerprint, encoder.name, encoder.fingerprint)
        extractor = PosteriorFeatures(encoder, load_posterior(self), sha256=self.sha256, watch=context.watch)
        score = context.score.of_embeddings

        def std(seen: FrameFeatures) -> Rewards:
            return reward_variance(score, seen.embeddings, seen.extra["variance"]).sqrt()

        return replace(context.then(Pessimism(std, float(self.kappa))), extractor=extractor)


def fit_posterior(encoder: Encoder, frames: Frames, prompts: PromptSet) -> ProjectionPosterior:
    """The posterior of an encoder's vision tower after one look at some frames and the sentences of a reward.

    Args:
        encoder: Any of OpenCLIP's own architectures.
        frames: As the agent will see them.
        prompts: At least two sentences in all.

    Raises:
        EncoderError: The encoder has no last linear map that can be read.
        SpecError: There is one sentence only.
    """
    towers = PreProjection(encoder)
    texts = [*prompts.goal, *prompts.baseline, *prompts.negatives]
    posteriors = fit_posteriors(
        TowerSample(towers.frame_activations(frames), towers.frames),
        TowerSample(towers.text_activations(texts), towers.text),
        logit_scale=encoder.logit_scale,
        logit_bias=encoder.logit_bias or None,
    )
    return posteriors.frames


def save_posterior(posterior: ProjectionPosterior, path: Path) -> dict[str, Any]:
    """Write a posterior to a ``.safetensors`` file; a crash leaves no half of one.

    Returns:
        File and digest, as a spec says them.

    Raises:
        SpecError: The name does not end in ``.safetensors``.
    """
    if path.suffix != ".safetensors":
        raise SpecError(f"uncertainty is kept in a file that ends in .safetensors; got {path}.")
    data = save_tensors({name: tensor.cpu() for name, tensor in posterior.to_tensors().items()})
    with whole_file(path) as unfinished:
        unfinished.write_bytes(data)
    return {"file": str(path), "sha256": hashlib.sha256(data).hexdigest()}


def load_posterior(options: PosteriorOptions) -> ProjectionPosterior:
    """The posterior that a spec names; runs no code from the file.

    Raises:
        SpecError: There is no such file, it is another one, or it cannot be read.
    """
    path = Path(options.file)
    if not path.is_file():
        raise SpecError(f"there is no uncertainty in {path}. vlmrm.fitting.fit_uncertainty and `vlmrm fit` write it.")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != options.sha256:
        raise SpecError(f"{path} is not the file that the reward was made with. Fit its uncertainty again.")
    try:
        tensors: Mapping[str, Tensor] = load_tensors(data)
    except SafetensorError as error:
        raise SpecError(f"{path} is not a safetensors file: {error}") from error
    return ProjectionPosterior.from_tensors(tensors)
