"""The reward over one variable of the simulator's state: does it peak where the goal is?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Bool, Float

from vlmrm.errors import FrameError, SpecError
from vlmrm.rendering.own_context import OwnContext
from vlmrm.report.figures import GREEN, GREY, new_figure, save_figure
from vlmrm.report.scorers import Encoders, scorer_of
from vlmrm.rewards.protocols import FrameReward
from vlmrm.tasks import SuccessRule, Sweep

ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Landscape:
    """Rewards of the frames along a sweep."""

    sweep: Sweep
    """Which variable, from where to where."""
    values: Float[np.ndarray, " n"]
    """Values of the swept variable."""
    alphas: tuple[float, ...]
    """One curve each; of another head than the projection only the spec's, which is not used."""
    rewards: Float[np.ndarray, "a n"]
    """One row per alpha."""
    in_goal: Bool[np.ndarray, " n"]
    """Whether the state lies inside the task's success bounds; all False where there are none."""
    named: str | None = None
    """What the curve is called in the place of its alpha; None: alpha says which."""

    def peak(self, alpha: float) -> float:
        """Where the reward is highest."""
        return float(self.values[self.rewards[self.alphas.index(alpha)].argmax()])


def measure_landscape(
    env: gym.Env[Any, Any], reward: FrameReward, sweep: Sweep, *, rule: SuccessRule | None = None, points: int = 181
) -> Landscape:
    """Score one picture per value of a state variable, for several alphas at once.

    Args:
        env: With ``render_mode="rgb_array"`` and, unwrapped, `place(value)`.
        reward: Its own alpha is among the curves. One that looks back is shown by the scores of single frames.
        sweep: Which variable, from where to where.
        rule: Whose bounds to mark.
        points: How many values, at least 2.

    Raises:
        SpecError: The environment has no `place`.
        FrameError: It does not draw.
    """
    inner: Any = env.unwrapped
    if not hasattr(inner, "place"):
        raise SpecError(f"{env} has no place(value), with which a landscape puts it into a state.")
    curves = _curves(reward)
    values = np.linspace(sweep.low, sweep.high, points)
    env.reset(seed=0)
    own_context = OwnContext(env)
    frames, in_goal = [], []
    for value in values:
        inner.place(float(value))
        frames.append(own_context.draw(env.render))
        in_goal.append(rule is not None and _holds(inner, sweep, float(value), rule))
    if any(frame is None for frame in frames):
        raise FrameError(f'{env} drew nothing. Make it with render_mode="rgb_array".')
    seen = reward.read(frames)
    scores = torch.stack([one.explain(seen)["score"] for one in curves.values()])
    return Landscape(
        sweep=sweep, values=values, alphas=tuple(curves), rewards=scores.double().numpy(), in_goal=np.array(in_goal),
        named=_name(reward),
    )  # fmt: skip


def draw_landscape(landscape: Landscape, path: Path, *, title: str = "", chosen: float | None = None) -> Path:
    """Draw the curves of a landscape, each from its lowest to its highest reward, and where the goal is.

    Alpha moves the offset and the scale of a reward; what an agent follows is the shape.

    Args:
        landscape: What to draw.
        path: A PNG file.
        title: Above the figure.
        chosen: The alpha that is trained with, drawn boldly.
    """
    figure, (panel,) = new_figure()
    half = (landscape.values[1] - landscape.values[0]) / 2
    for start, end in _intervals(landscape.in_goal):
        left, right = landscape.values[start] - half, landscape.values[end] + half
        panel.axvspan(left, right, color=GREEN, alpha=0.15, linewidth=0)
    for alpha, row in zip(landscape.alphas, landscape.rewards, strict=True):
        low, high = float(row.min()), float(row.max())
        bold = alpha == chosen
        name = landscape.named or f"alpha {alpha:g}"
        panel.plot(
            landscape.values,
            (row - low) / max(high - low, 1e-9),
            linewidth=2.4 if bold else 1.0,
            label=f"{name}: {low:.3f} to {high:.3f}",
            zorder=3 if bold else 2,
        )
    panel.plot([], [], color=GREEN, alpha=0.3, linewidth=8, label="success bounds")
    panel.set_xlabel(landscape.sweep.label)
    panel.set_ylabel("reward, lowest to highest")
    panel.set_title(title, fontsize=10, color=GREY)
    panel.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return save_figure(figure, path)


def _name(reward: FrameReward) -> str | None:
    if reward.spec is None:
        return reward.name
    return None if reward.spec.options.projects else reward.spec.head


def _curves(reward: FrameReward) -> dict[float, FrameReward]:
    """The reward by its alpha; of a plain projection, with other alphas as well."""
    spec = reward.spec
    if spec is None:
        return {0.0: reward}
    others = [alpha for alpha in ALPHAS if alpha != spec.alpha] if spec.require_prompts().baseline else []
    curves = {alpha: one.reward for alpha, one in scorer_of(reward, Encoders()).with_alphas(others).items()}
    return dict(
        sorted({**{alpha: one for alpha, one in curves.items() if one is not None}, spec.alpha: reward}.items())
    )


def _holds(inner: Any, sweep: Sweep, value: float, rule: SuccessRule) -> bool:
    """By the environment's own names of its state, where it has them; else only for the swept variable's bounds."""
    if hasattr(inner, "state_variables"):
        return rule.holds(inner.state_variables())
    return set(rule.where) == {sweep.variable} and rule.holds({sweep.variable: value})


def _intervals(inside: Sequence[bool] | Bool[np.ndarray, " n"]) -> list[tuple[int, int]]:
    """First and last index of each run of True.

    Example:
        >>> _intervals([False, True, True, False, True])
        [(1, 2), (4, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(inside, dtype=np.int8), [0]])))
    return [(int(start), int(end) - 1) for start, end in edges.reshape(-1, 2)]
