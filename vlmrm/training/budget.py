"""What judging an agent may cost: a third of the training's environment steps, unless somebody asked for more."""

import math
from dataclasses import replace

from vlmrm.training.run_options import EvaluationOptions

_SHARE = 3  # one of so many steps
_FINAL_SHARE = 5  # of the episodes: one for the last evaluation, one for the random policy, the rest while training
_EPISODES = 20  # of one evaluation, where the budget has no say
_LONGEST_VIDEO = 500  # steps
_VIDEO_SHARE = 20  # a video has at most one of so many training steps
MOST_VIDEOS = 3
"""Videos of partings in a run."""


def fill_evaluation(
    options: EvaluationOptions, *, steps: int, usual_every: int, episode_steps: int, videos: bool
) -> EvaluationOptions:
    """Decide how often and on how many episodes an agent is judged; what was asked for stays.

    Where the budget does not reach for evaluations as usual, they become fewer and shorter in equal parts.

    Args:
        options: What was asked for.
        steps: Steps of training.
        usual_every: Steps between two evaluations, where the budget has no say.
        episode_steps: Greatest length of an episode.
        videos: Whether an episode before and after training is recorded, and some where the reward parts from success.

    Example:
        >>> chosen = fill_evaluation(
        ...     EvaluationOptions(), steps=20_000, usual_every=1_000, episode_steps=200, videos=True
        ... )
        >>> chosen.every, chosen.episodes, chosen.final_episodes
        (6667, 4, 6)
    """
    budget = steps // _SHARE - (2 * video_steps(steps, episode_steps) if videos else 0)
    all_episodes = max(budget, 0) // episode_steps
    final = min(max(all_episodes // _FINAL_SHARE, all_episodes >= 2), _EPISODES)
    rest = all_episodes - 2 * final
    usual_count = _count(steps, usual_every)
    episodes, every = options.episodes, options.every
    if episodes is None and every is None:
        as_much_fewer = round(math.sqrt(rest * _EPISODES / usual_count))
        episodes = min(as_much_fewer, rest // 2, _EPISODES)  # at the start and at the end, if not more often
    elif episodes is None:
        episodes = min(max(rest // _count(steps, every or 1), 1), _EPISODES)
    if every is None:
        count = min(max(rest // episodes, 2), usual_count) if episodes else usual_count
        every = usual_every if count == usual_count else math.ceil(steps / (count - 1))
    final = final if options.final_episodes is None else options.final_episodes
    if options.episodes is None and options.drawn != EvaluationOptions.drawn:
        episodes = max(episodes, options.drawn)  # what was asked for is drawn
    return replace(
        options, every=every, episodes=episodes, drawn=min(options.drawn, episodes), final_episodes=int(final)
    )


def video_steps(steps: int, episode_steps: int) -> int:
    """Return how many steps of an episode a video shows.

    Args:
        steps: Steps of training.
        episode_steps: Greatest length of an episode.
    """
    return min(_LONGEST_VIDEO, max(steps // _VIDEO_SHARE, 1), episode_steps)


def cost_note(options: EvaluationOptions, *, steps: int, episode_steps: int, videos: bool) -> str:
    """Say how many environment steps it takes to judge the agent.

    Args:
        options: As `fill_evaluation` returned them.
        steps: Steps of training.
        episode_steps: Greatest length of an episode.
        videos: Whether an episode before and after training is recorded.
    """
    while_training, final = options.episodes or 0, options.final_episodes or 0
    count = _count(steps, options.every or steps) if while_training else 0
    most = episode_steps * (count * while_training + 2 * final)
    most += (2 + MOST_VIDEOS) * video_steps(steps, episode_steps) if videos else 0
    most += episode_steps * count * options.drawn if options.second_reward else 0
    if not while_training and not final:
        return (
            f"no evaluations: episodes have up to {episode_steps:,} steps, and a third of the {steps:,} training steps "
            "is all that they may take. --eval-episodes 1 --final-episodes 1 evaluates all the same."
        )
    return (
        f"judging the agent takes up to {most:,} environment steps beside {steps:,} of training: {count} evaluations "
        f"of {while_training} episodes, and {final} of the random policy and at the end (--eval-every, "
        "--eval-episodes, --final-episodes)."
    )


def _count(steps: int, every: int) -> int:
    """Evaluations while training, those at its start and its end included."""
    return math.ceil(steps / every) + 1
