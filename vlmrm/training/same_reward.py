"""Whether a resumed run is paid as it was when it began.

A spec names its encoder and knows nothing of its weights. A run that goes on with other weights, or with an environment
that draws otherwise, would be trained on two rewards, and its curves would tell of neither.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vlmrm.agents.environments import MakeEnv
from vlmrm.agents.run import RunDirectory
from vlmrm.errors import RunError
from vlmrm.training.parts import Parts

_SEED, _STEPS = 30_000, 5
_TOLERANCE = 0.01  # other devices and precisions move a cosine by a thousandth or two


def first_rewards(parts: Parts) -> list[float]:
    """Text rewards of a few random steps from a start that is always the same; empty without a text reward.

    Args:
        parts: Of the run.
    """
    if parts.reward is None:
        return []
    env = replace(MakeEnv(task=parts.plan.task, pictures=True), preprocessing=parts.reward.capture_preprocessing)()
    try:
        env.action_space.seed(_SEED)
        _, info = env.reset(seed=_SEED)
        frames, terminated = [info["frame"]], False
        while len(frames) <= _STEPS and not terminated:
            _, _, terminated, truncated, info = env.step(env.action_space.sample())
            frames.append(info["frame"])
            if truncated:
                break
    finally:
        env.close()
    return [round(float(reward), 5) for reward in parts.reward.score_episode(frames, terminated=terminated)]


def require_same_rewards(run: RunDirectory, now: Sequence[float]) -> None:
    """Refuse to go on with another reward.

    Args:
        run: Whose ``versions.json`` says what the first rewards were when it began.
        now: Of `first_rewards`.

    Raises:
        RunError: They differ.
    """
    began = run.first_rewards()
    if not began or not now:
        return
    if len(began) != len(now) or np.abs(np.subtract(began, now)).max() > _TOLERANCE:
        raise RunError(
            f"{run.path} cannot go on: its reward is another one now. The same steps were rewarded with "
            f"{_shown(began)} when it began, and are with {_shown(now)}. The encoder's weights, or what the "
            "environment draws, have changed: put the former back, or begin a new run."
        )


def _shown(rewards: Sequence[float]) -> str:
    return ", ".join(f"{reward:.3f}" for reward in rewards)
