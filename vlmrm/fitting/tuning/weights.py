"""`tune_weights`: an encoder whose weights rank a handful of labelled frames better, as a folder of its own."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vlmrm.atomic import whole_folder
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.open_clip.save import write_model
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.low_rank import (
    LowRankChange,
    SingularValueChange,
    Weight,
    WeightChanges,
    attention_weights,
)
from vlmrm.errors import SpecError
from vlmrm.fitting.tuning.options import (
    LowRankOptions,
    SingularValuesOptions,
    TunerOptions,
    method_of,
)
from vlmrm.fitting.tuning.train import TuningSet, of_sentences, train
from vlmrm.rewards.spec import RewardSpec
from vlmrm.tables import write_table


def tune_weights(
    encoder: Encoder,
    spec: RewardSpec,
    frames: Any,
    labels: Any,
    options: TunerOptions,
    *,
    out: str | Path,
) -> RewardSpec:
    """A reward whose encoder was tuned to rank a handful of labelled frames.

    The tuned model is written as a folder; the encoder that is given stays as it is.

    Args:
        encoder: A model of OpenCLIP.
        spec: The reward to tune for, of any head.
        frames: As `RewardModel.read` takes them.
        labels: 1 success, 0 failure, or the progress in between, for each frame.
        options: `SingularValuesOptions` or `LowRankOptions`, which say the method as well.
        out: Folder for the tuned model, which must not exist yet.

    Returns:
        The spec of the same sentences with the encoder ``local-dir:OUT``.

    Raises:
        SpecError: If the folder exists, the labels do not fit or are all the same, or all frames have the same reward.
        EncoderError: If the encoder is not a model of OpenCLIP or has no attention layers, or training diverged.
    """
    folder = Path(out).expanduser().resolve()
    if folder.exists():
        raise SpecError(f"{folder} exists already. Give another out, where the tuned model will be written.")
    plain = of_sentences(spec)
    tuned = replace(plain, encoder=f"local-dir:{folder}")
    copied = DifferentiableEncoder(encoder)
    given = TuningSet.begin(copied, plain, frames, labels)
    changes = WeightChanges(attention_weights(copied.model), _CHANGES[type(options)](options))
    before = _ranking_loss(given, copied)
    train(
        lambda: given.loss(copied, copied.embed_frames(given.frames), drift_penalty=options.drift_penalty),
        changes.trained,
        options,
    )
    changes.merge()
    record = {
        "tuned_from": copied.name,
        "method": method_of(options),
        "options": asdict(options),
        "prompts": write_table(plain.prompts),
        "frames": len(given.frames),
        "ranking_loss": {"before": before, "after": _ranking_loss(given, copied)},
    }
    with whole_folder(folder) as unfinished:
        write_model(unfinished, copied, record)
        OpenClipEncoder.load(f"local-dir:{unfinished}", device="cpu")  # what cannot be read again is not kept
    return tuned


@torch.no_grad()
def _ranking_loss(given: TuningSet, encoder: DifferentiableEncoder) -> float:
    return float(given.ranking_loss(encoder, encoder.embed_frames(given.frames)))


def _low_rank(options: Any) -> Callable[[Weight, int], nn.Module]:
    generator = torch.Generator().manual_seed(options.seed)
    return partial(LowRankChange, rank=options.rank, alpha=options.alpha, generator=generator)


def _singular_values(options: TunerOptions) -> Callable[[Weight, int], nn.Module]:
    return SingularValueChange


_CHANGES: Mapping[type[TunerOptions], Callable[[Any], Callable[[Weight, int], nn.Module]]] = {
    LowRankOptions: _low_rank,
    SingularValuesOptions: _singular_values,
}
