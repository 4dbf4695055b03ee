"""`Climbed`: climbs of a reward over the states of its task's simulator, for probes of what is paid best.

Each climb begins at a state drawn evenly and is climbed to its end by CMA-ES, each by itself, so that ends can be
counted. Settings are those of ``experiments/exploit_search.py``, where climbs of 240 states over two variables come to
their end, and climbs of 720 over the humanoid's 19 do not: they say what is paid, and not where every climb would end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import UInt8

from vlmrm.errors import SpecError
from vlmrm.exploits import Exploit, ExploitSearch, FoundStates, SearchProgress, SimulatorStates, search_exploits
from vlmrm.rewards.protocols import FrameReward
from vlmrm.tasks import Task

CLIMBS = 12
"""Climbs, of which 10 that end in the goal are the gate that was set for rewards of the humanoid."""
SHOWN = 6
"""Exploits that are drawn, at most."""
_LEAST, _PER_VARIABLE = 240, 36
"""States that a climb may score: at least, and for each variable. Of the humanoid 684, at 15 to 25 ms each 2 to 3.5
minutes for all climbs; with twice as many no more of them end in the goal. Of two variables 240, 8 seconds for all."""
_APART = 0.2
"""Least distance of two exploits; at 0.1, poses of the humanoid that differ in an arm alone count as two."""
_FEW = 6
"""Variables up to which CMA-ES begins as it usually does."""
_WIDE = ExploitSearch(population=12, spread=0.25)
"""How it begins with more."""
_PATIENCE_MIN = 20
"""Minutes after which nobody waits any longer for an audit, as of a large model on a CPU."""
_WARM_S = 60
"""Seconds after which a search is as fast as it will be: the first states load what draws them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Climbed:
    """What climbs of a reward have found."""

    found: FoundStates
    """All states that were scored."""
    gallery: Sequence[Exploit]
    """Best-paid states outside of the goal, no two alike, the best first; empty: the climbs met none."""
    pictures: Sequence[UInt8[np.ndarray, "h w 3"]]
    """Pictures of these, as the reward sees them."""

    @property
    def unfinished(self) -> Sequence[bool]:
        """Whether each climb was still moving when its states were used up."""
        options = self.found.options
        scored = [int((self.found.climbs == climb).sum()) for climb in range(len(self.found.climbed))]
        return [count + options.batch > options.share for count in scored]


def climb(reward: FrameReward, task: Task, *, seed: int, states: int | None = None) -> Climbed:
    """Climb a reward from several starts.

    Args:
        reward: What scores the frames, each by itself.
        task: The task, with success bounds.
        seed: Random seed.
        states: States that each climb may score. None: as many as suit the number of variables.

    Raises:
        SpecError: The task has no success bounds, its simulator cannot be set to a state, or it would take too long.
        FrameError: The reward scores a state with NaN or infinity.
    """
    with SimulatorStates(task, reward) as simulator:
        variables = len(simulator.space)
        each = states or max(_LEAST, _PER_VARIABLE * variables)
        start = ExploitSearch() if variables <= _FEW else _WIDE
        options = replace(start, evaluations=CLIMBS * each, climbs=CLIMBS, seed=seed)
        found = search_exploits(simulator.evaluate, simulator.space, options=options, progress=_give_up)
        gallery = found.gallery(SHOWN, distance=_APART)
        pictures = [frame.numpy() for frame in simulator.draw_as_scored(gallery)] if gallery else []
    return Climbed(found=found, gallery=gallery, pictures=pictures)


def _give_up(now: SearchProgress) -> None:
    """Stop a search that would take too long."""
    if now.evaluations / now.per_s > _WARM_S and now.left_s > 60 * _PATIENCE_MIN:
        raise SpecError(
            f"{now.of:,} states would take more than {_PATIENCE_MIN} minutes, {1 / now.per_s:.1f} s each. Search fewer "
            "of them by vlmrm.exploits, or on a faster device."
        )
