"""Few-shot rewards in a spec: labelled frames written down as plain values, and the head made from them again."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import torch

from vlmrm.errors import SpecError
from vlmrm.rewards.few_shot import fit_proker, fit_prototypes, fit_tip_adapter
from vlmrm.rewards.goal_pictures import fit_goal_pictures
from vlmrm.rewards.head import Head
from vlmrm.rewards.layers import (
    FewShotOptions,
    GoalPicturesOptions,
    ProKeROptions,
    PrototypesOptions,
    TipAdapterOptions,
)
from vlmrm.rewards.support import Support
from vlmrm.types import Embeddings

_FIT: Mapping[type[FewShotOptions], Callable[..., Head]] = {
    PrototypesOptions: fit_prototypes,
    TipAdapterOptions: fit_tip_adapter,
    ProKeROptions: fit_proker,
}
_FRAMES = {field.name for field in fields(FewShotOptions)}


def few_shot_table(
    method: str, encoder: str, embeddings: Embeddings, labels: list[float], options: Mapping[str, Any]
) -> dict[str, Any]:
    """What a spec says in ``few_shot``.

    Args:
        method: Which.
        encoder: Who embedded the frames.
        embeddings: Of the frames.
        labels: Of the frames.
        options: Of the method.
    """
    rows = np.ascontiguousarray(embeddings.numpy(), dtype="<f4")
    text = base64.b64encode(rows.tobytes()).decode("ascii")
    return {"method": method, "encoder": encoder, "labels": labels, "embeddings": text, **options}


def with_few_shot(text: Head, options: FewShotOptions, *, alpha: float) -> Head:
    """The head that labelled frames make of the sentences'.

    Args:
        text: Scores by the sentences.
        options: The method's, and the frames.
        alpha: Share of the projection, for goal pictures.

    Raises:
        SpecError: The frames cannot be read, or make no reward.
    """
    embeddings, labels = _embeddings_of(options), torch.tensor(options.labels, dtype=torch.float32)
    if isinstance(options, GoalPicturesOptions):
        return fit_goal_pictures(embeddings, labels, alpha=alpha)
    support = Support(embeddings, labels)
    given = {field.name: getattr(options, field.name) for field in fields(options) if field.name not in _FRAMES}
    return _FIT[type(options)](support, text, **{key: value for key, value in given.items() if value is not None})


def _embeddings_of(options: FewShotOptions) -> Embeddings:
    try:
        values = np.frombuffer(base64.b64decode(options.embeddings, validate=True), dtype="<f4")
    except (binascii.Error, ValueError) as error:
        raise SpecError(
            f"the embeddings in few_shot are no float32 numbers in base64: {error}. Fit it again."
        ) from error
    count = len(options.labels)
    if not count or len(values) % count:
        raise SpecError(
            f"few_shot has {count} labels and {len(values)} numbers, which is no row for each. Fit it again."
        )
    return torch.from_numpy(values.astype(np.float32).reshape(count, -1))
