"""States of the humanoid made on purpose: poses that are goals, poses that look like them, others and heaps."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vlmrm.errors import SpecError
from vlmrm_envs.scenes.humanoid.poses import GOALS, LOOK_ALIKES, POSES
from vlmrm_envs.scenes.humanoid.put import put, put_random
from vlmrm_envs.scenes.scene import MadeState

_KINDS, _SHARES = ("goal", "look-alike", "other", "heap"), (0.4, 0.35, 0.15, 0.1)


def labelled_poses(goal: str, n: int, rng: np.random.Generator) -> Iterator[MadeState]:
    """Make 40 % poses that are goals as a rule, 35 % look-alikes, 15 % other poses and 10 % random heaps.

    Args:
        goal: Second part of the task's name.
        n: Number of states.
        rng: The only source of chance; it is also used as the states are put.

    Raises:
        SpecError: No poses are known for this goal.
    """
    if goal not in GOALS:
        raise SpecError(f"no poses are known for humanoid/{goal}. Known goals: {', '.join(GOALS)}.")
    others = [name for name in POSES if name not in GOALS[goal] + LOOK_ALIKES[goal]]
    names = {"goal": GOALS[goal], "look-alike": LOOK_ALIKES[goal], "other": others}
    for kind in rng.choice(_KINDS, size=n, p=_SHARES):
        if kind == "heap":
            yield MadeState(kind="heap", pose="heap", group="heap", put=_setter(put_random, rng))
        else:
            name = str(rng.choice(names[kind]))
            yield MadeState(kind=str(kind), pose=name, group=name, put=_setter(put, POSES[name], rng))


def _setter(put: Callable[..., None], *arguments: Any) -> Callable[[Any], None]:
    return lambda env: put(env.model, env.data, *arguments)
