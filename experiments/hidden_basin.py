"""A made-up reward with an exploit in a basin of 0.01 % of the state space, to judge searches on.

The form was written down before any search was tuned on it. A real reward pays its goal from far around, pays an
exploit more than the goal, has a slope towards the exploit that becomes flatter with the distance but does not end, and
has the roughness of pictures on top. So has this one, over six state variables scaled to 0..1:

    score(x) = 0.6 exp(-|x - g|² / (2 · 0.35²))       the goal: a broad hill, and what the oracle accepts around it
             + 1 / (1 + |x - b|² / r²)                the exploit: half of its height at r, 5 % at 0.7 from its middle
             + 0.02 mean_i sin(10 π x_i + phase_i)    the roughness

The basin is the ball of radius r around b, with r such that it holds 0.01 % of the volume (r = 0.164). The seed places
b, g at least 0.5 away from it, and the phases. A search has found the basin once it has evaluated a state inside. A
random search is inside after 10,000 evaluations on average.

With `slope_ends` the exploit's term is cut to 0 from two radii on (0.6 % of the volume lie nearer): beyond, nothing
tells a search where to go, and whether the basin is found is luck.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from vlmrm.exploits import ScoredStates, StateSpace

VARIABLES, VOLUME = 6, 1e-4
RADIUS = (VOLUME * math.gamma(VARIABLES / 2 + 1) / math.pi ** (VARIABLES / 2)) ** (1 / VARIABLES)
_APART, _GOAL_RADIUS = 0.5, 0.25
Point = Float[np.ndarray, " d"]
Points = Float[np.ndarray, "n d"]


@dataclass(frozen=True, kw_only=True, eq=False)
class HiddenBasin:
    """The reward of one seed; see the top of the file."""

    middle: Point
    """Middle of the exploit's basin."""
    goal: Point
    """Middle of the goal."""
    phases: Point
    """Phases of the roughness."""
    slope_ends: bool = False
    """Whether the slope towards the exploit ends at two radii."""

    @classmethod
    def of_seed(cls, seed: int, *, slope_ends: bool = False) -> "HiddenBasin":
        """Return the basin that a seed places, whole inside of the state space."""
        rng = np.random.default_rng([seed, 6021])
        middle, goal = rng.uniform(RADIUS, 1 - RADIUS, VARIABLES), rng.random(VARIABLES)
        while np.linalg.norm(goal - middle) < _APART:
            goal = rng.random(VARIABLES)
        phases = rng.uniform(0, 2 * math.pi, VARIABLES)
        return cls(middle=middle, goal=goal, phases=phases, slope_ends=slope_ends)

    @property
    def space(self) -> StateSpace:
        """The state variables with their bounds."""
        return StateSpace({f"x{number}": (0.0, 1.0) for number in range(VARIABLES)})

    def inside(self, points: Points) -> Bool[np.ndarray, " n"]:
        """Whether each state lies in the exploit's basin."""
        return np.linalg.norm(points - self.middle, axis=1) <= RADIUS

    def scores(self, points: Points) -> Float[np.ndarray, " n"]:
        """Score of each state."""
        radii = np.linalg.norm(points - self.middle, axis=1) / RADIUS
        exploit = 1 / (1 + radii**2)
        if self.slope_ends:
            exploit = np.maximum(exploit - 0.2, 0) / 0.8
        hill = np.exp(-((points - self.goal) ** 2).sum(axis=1) / (2 * 0.35**2))
        rough = np.sin(10 * math.pi * points + self.phases).mean(axis=1)
        return 0.6 * hill + exploit + 0.02 * rough

    def evaluate(self, points: Points) -> ScoredStates:
        """Score states, and ask the oracle, which accepts what is near the goal's middle."""
        off_goal = np.linalg.norm(points - self.goal, axis=1)
        return ScoredStates(
            scores=self.scores(points), accepted=off_goal <= _GOAL_RADIUS, variables={"off_goal": off_goal}
        )
