"""Whether a reward is fooled: held-out captions by a judge, beside the reward that trains them."""

from collections.abc import Callable, Mapping, Sequence

from vlmrm.errors import CaptionWarning, warn_user

Judge = Callable[[Sequence[str]], Mapping[str, float]]
"""From captions of the held-out pictures to numbers by name, the first of which decides; higher is better."""
PREFIX, REWARD = "held_out_", "held_out_reward"
"""What names of numbers of held-out pictures begin with, and that of their reward."""


def warn_if_fooled(history: Sequence[Mapping[str, float]], falls_by: int | float) -> bool:
    """Warn where the judge has fallen below its best while the reward has risen, and return whether it has.

    Args:
        history: A row of numbers for each update, those of held-out pictures among them where they were looked at.
        falls_by: Fall of the judge's number that counts.
    """
    looks = [row for row in history if REWARD in row]
    judged = next((name for name in looks[-1] if name.startswith(PREFIX)), REWARD) if looks else REWARD
    if judged == REWARD:
        return False
    best, now = max(looks, key=lambda row: row[judged]), looks[-1]
    fooled = now[judged] < best[judged] - falls_by and now[REWARD] > best[REWARD]
    if fooled:
        warn_user(
            f"after {now['update']:.0f} updates {judged} has fallen from {best[judged]:.3f} to {now[judged]:.3f} "
            f"while the reward has risen from {best[REWARD]:.3f} to {now[REWARD]:.3f}: the reward is being fooled. "
            f"The captioner of update {best['update']:.0f} was better.",
            CaptionWarning,
        )
    return fooled
