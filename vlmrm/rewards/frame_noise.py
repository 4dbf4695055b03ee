"""How unsure a reward is of each frame, kept in a file beside its spec, and the reward less some of it.

Rows of ``[embedding | variance of each of its dimensions]`` take the place of embeddings: the first half is of unit
length and all that a head knows of, the second half is what `vlmrm.rewards.laplace` makes of the activations. Rows may
be cached and come in any batch, as embeddings do.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, cat

from vlmrm.atomic import whole_file
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.towers.projections import PreProjection
from vlmrm.errors import SpecError
from vlmrm.prompts import PromptSet
from vlmrm.rewards.doubt import PosteriorOptions
from vlmrm.rewards.head import Head, UnsureHead
from vlmrm.rewards.laplace import ProjectionPosterior, TowerSample, fit_posteriors
from vlmrm.rewards.scaling import ScaledHead
from vlmrm.rewards.threshold import ThresholdHead
from vlmrm.rewards.uncertainty import lower_confidence, reward_variance
from vlmrm.types import Frames, Rewards

NoisyRows = Float[Tensor, "n d2"]


@dataclass(frozen=True, eq=False)
class LowerConfidenceHead:
    """Another head's reward of a frame less `kappa` standard deviations of it; stateless.

    Example:
        >>> import torch
        >>> head = LowerConfidenceHead(lambda embeddings: embeddings[:, 0], kappa=1.0)
        >>> head(torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.25, 0.0]])).round(decimals=3)
        tensor([ 0.0000, -0.4470])
    """

    head: Head
    """Smooth: one with a threshold has no deviation."""
    kappa: float
    """Above 0 pessimistic, 0 the reward itself."""

    def std(self, rows: NoisyRows) -> Rewards:
        """Standard deviation of the reward of each frame."""
        mean, variance = rows.chunk(2, dim=1)
        return reward_variance(self.head, mean, variance).sqrt()

    def __call__(self, embeddings: NoisyRows) -> Rewards:
        """One reward per row."""
        rewards = self.head(embeddings.chunk(2, dim=1)[0])
        return lower_confidence(rewards, self.std(embeddings), kappa=self.kappa) if self.kappa else rewards


def find_unsure(head: Head) -> UnsureHead | None:
    """The head that knows how unsure it is, within one that scales it; None: there is none.

    Args:
        head: As `vlmrm.rewards.build.build_head` makes it.
    """
    while isinstance(head, ScaledHead):
        head = head.head
    return head if isinstance(head, UnsureHead) else None


def std_of(head: Head, rows: NoisyRows) -> Rewards:
    """Standard deviation of the reward of each frame.

    Args:
        head: Of a reward whose uncertainty is known.
        rows: As `RewardModel.embed` gives them.

    Raises:
        SpecError: The uncertainty is not known, or a threshold has made 0 and 1 of the reward.
    """
    if isinstance(head, UnsureHead):
        return head.std(rows)
    if isinstance(head, ScaledHead):
        return std_of(head.head, rows) / head.divide
    if isinstance(head, ThresholdHead):
        raise SpecError("0 and 1 have no standard deviation; leave out the threshold.")
    raise SpecError(
        "nothing is known of how unsure this reward is. RewardModel.fit_uncertainty(frames, path) returns one that "
        "knows, and so does uncertainty with an ensemble in the spec."
    )


class NoisyFrames:
    """Embeds frames together with the variance of each dimension.

    Args:
        encoder: Any of OpenCLIP's own architectures.
        posterior: Of its vision tower.

    Raises:
        EncoderError: The encoder has no last linear map that can be read.
        SpecError: The posterior is another encoder's.
    """

    def __init__(self, encoder: Encoder, posterior: ProjectionPosterior) -> None:
        self._towers, self._posterior = PreProjection(encoder), posterior
        fits = tuple(reversed(self._towers.frames.weight.shape))
        if (len(posterior.whitening), len(posterior.spread)) != fits:
            raise SpecError(
                f"the posterior is of a map from {len(posterior.whitening)} to {len(posterior.spread)} numbers, and "
                f"that of {encoder.name!r} goes from {fits[0]} to {fits[1]}. Fit it again with this encoder."
            )

    def rows(self, frames: Frames) -> NoisyRows:
        """Unit-length embeddings, and variances in units of their squared length, side by side."""
        activations = self._towers.frame_activations(frames)
        embeddings = self._towers.frames(activations)
        squared = embeddings.square().sum(dim=1, keepdim=True)
        return cat([embeddings / squared.sqrt(), self._posterior.variances(activations) / squared], dim=1)


def fit_noise(encoder: Encoder, frames: Frames, prompts: PromptSet) -> ProjectionPosterior:
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


def save_noise(posterior: ProjectionPosterior, path: Path) -> dict[str, Any]:
    """Write a posterior to a ``.safetensors`` file; a crash leaves no half of one.

    Returns:
        What a spec says of it, but for kappa.

    Raises:
        SpecError: The name does not end in ``.safetensors``.
    """
    if path.suffix != ".safetensors":
        raise SpecError(f"uncertainty is kept in a file that ends in .safetensors; got {path}.")
    data = save_tensors({name: tensor.cpu() for name, tensor in posterior.to_tensors().items()})
    with whole_file(path) as unfinished:
        unfinished.write_bytes(data)
    return {"file": str(path), "sha256": hashlib.sha256(data).hexdigest()}


def load_noise(options: PosteriorOptions) -> ProjectionPosterior:
    """The posterior that a spec names; runs no code from the file.

    Raises:
        SpecError: There is no such file, it is another one, or it cannot be read.
    """
    path = Path(options.file)
    if not path.is_file():
        raise SpecError(f"there is no uncertainty in {path}. RewardModel.fit_uncertainty and `vlmrm fit` write it.")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != options.sha256:
        raise SpecError(f"{path} is not the file that the reward was made with. Fit its uncertainty again.")
    try:
        tensors: Mapping[str, Tensor] = load_tensors(data)
    except SafetensorError as error:
        raise SpecError(f"{path} is no safetensors file: {error}") from error
    return ProjectionPosterior.from_tensors(tensors)
