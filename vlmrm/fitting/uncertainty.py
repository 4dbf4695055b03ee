"""`fit_uncertainty`: a posterior of the encoder, so that a reward knows how unsure it is of each frame."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from vlmrm.frames.batch import as_frames
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.transforms.uncertainty import read_uncertainty
from vlmrm.rewards.transforms.uncertainty.posterior import fit_posterior, save_posterior
from vlmrm.values import require_number


def fit_uncertainty(reward: RewardModel, frames: Any, path: str | Path, *, kappa: float = 0.0) -> RewardModel:
    """The same reward, which knows how unsure it is of each frame: little on frames like these, more on others.

    A Laplace posterior of the encoder's last linear map (BayesVLM; see `vlmrm.rewards.transforms.uncertainty.laplace`),
    in closed form.

    Args:
        reward: The reward; it stays as it is.
        frames: Frames as the agent will see them, as `RewardModel.read` takes them: 100 or more of one camera, many
            more of many.
        path: Path of a ``.safetensors`` file that keeps the posterior, beside the spec.
        kappa: Number of standard deviations that are taken off the reward: what cannot be known does not pay. 0: none.

    Returns:
        A reward with `uncertainty` in its spec, and without judge, scaling and threshold of this one.

    Raises:
        EncoderError: If the encoder has no last linear map that can be read, as timm's and Hugging Face's towers.
        SpecError: If the reward has one sentence only, or takes means over frames or crops.
    """
    require_number("kappa", kappa)  # before anything is written
    spec = reward.spec.before("uncertainty")
    saved = save_posterior(fit_posterior(reward.encoder, as_frames(frames), reward.spec.require_prompts()), Path(path))
    table = {**saved, "fingerprint": reward.encoder.fingerprint, "kappa": kappa}
    return reward.with_spec(replace(spec, uncertainty=read_uncertainty(table, "uncertainty")))
