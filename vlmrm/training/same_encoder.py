"""Whether a resumed run is scored by the encoder that it began with.

A spec names its encoder and knows nothing of its weights. A run that goes on with others would be trained on two
rewards, and its curves would tell of neither.
"""

from collections.abc import Sequence

import numpy as np

from vlmrm.encoders.domain import DomainGuard
from vlmrm.errors import RunError
from vlmrm.frames import as_frames
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run_parts import Parts
from vlmrm.wrappers.make_env import MakeEnv

_SEED, _KEPT = 30_000, 16
_ALIKE = 0.98  # cosine; devices and precisions change a thousandth, and the axes of other weights have another meaning


def first_look(parts: Parts) -> list[float]:
    """The first numbers of the embedding of a start that is always the same; empty without a text reward.

    Args:
        parts: Of the run.
    """
    if parts.reward is None:
        return []
    encoder = parts.reward.encoder
    if isinstance(encoder, DomainGuard):
        encoder = encoder.encoder  # one picture is too few to warn of
    drawn = MakeEnv(task=parts.plan.task, pictures=True, preprocessing=parts.reward.capture_preprocessing)
    env = drawn()
    try:
        _, info = env.reset(seed=_SEED)
        (row,) = encoder.embed_frames(as_frames(info["frame"]))
    finally:
        env.close()
    return [round(float(value), 4) for value in row[:_KEPT]]


def require_same_encoder(run: RunDirectory, now: Sequence[float]) -> None:
    """Refuse to go on with another one.

    Args:
        run: Whose ``versions.json`` says what `first_look` was when it began.
        now: Of `first_look`.

    Raises:
        RunError: The same picture has another embedding.
    """
    began = run.first_look()
    if not began or not now:
        return
    alike = len(began) == len(now) and _cosine(began, now) > _ALIKE
    if not alike:
        raise RunError(
            f"{run.path} cannot go on: the start of an episode has another embedding than when it began. The encoder's "
            "weights have changed, or what the environment draws: put the former back, or begin a new run."
        )


def _cosine(first: Sequence[float], second: Sequence[float]) -> float:
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    return float(np.dot(first, second) / lengths) if lengths else 1.0
