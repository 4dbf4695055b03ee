"""`propose`: the frames that a person should label next, of what agents do and of what a search finds.

About half of them are what the reward pays best, so that a label tells whether it is fooled there; the others lie near
the score that splits the paid from the unpaid, and look unlike each other, so that the border is told.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8

from vlmrm.data.labelled import LabelledFrames
from vlmrm.data.task_frames import Policy, Rollouts
from vlmrm.errors import SpecError, VlmrmError
from vlmrm.exploits import Exploit, ExploitSearch, SimulatorStates, search_exploits
from vlmrm.improving.options import ImproveOptions
from vlmrm.labelling.order import most_informative
from vlmrm.rewards.model import RewardModel
from vlmrm.tasks import Task
from vlmrm.training.progress import Progress
from vlmrm.training.run_agents import LAST
from vlmrm.types import Frames

Picture = UInt8[np.ndarray, "h w 3"]
_FIRST_SEED, _SEEDS = 1_000_000, 1_000  # of a round's episodes: no others than its own, and none of an evaluation
_LOOKED_AT = 4  # best-paid frames for each that is chosen among them
_AT_ONCE = 24  # random states
_APART = 0.02  # distance of states that are found: so near that some lie on either side of a border


@dataclass(frozen=True, kw_only=True, eq=False)
class Proposed:
    """Frames to label, in no order that tells anything."""

    labelled: LabelledFrames
    """Frames as the reward sees them, with where they are from as names, and the oracle's labels."""
    pictures: Sequence[Picture]
    """The same as large as they are drawn."""
    scores: Float[np.ndarray, " n"]
    """Score of each."""
    remarks: Sequence[str]
    """What could not be proposed, and why."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """Frames among which those to label are chosen."""

    labelled: LabelledFrames
    """Frames as the reward sees them, with where they are from as names, and the oracle's labels."""
    draw: Callable[[Int[np.ndarray, " m"]], Sequence[Picture]]
    """Draws some rows large, in their order."""
    remarks: Sequence[str]
    """What could not be found, and why."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """Candidates of one kind."""

    labelled: LabelledFrames
    draw: Callable[[Sequence[int]], Mapping[int, Picture]]
    """Draws some rows large."""


def find_candidates(
    reward: RewardModel,
    task: Task,
    agents: Mapping[str, Policy],
    options: ImproveOptions,
    *,
    seed: int,
    progress: Progress | None = None,
) -> Candidates:
    """Return frames of what agents do and of what a search finds, among which those to label are chosen.

    Args:
        reward: The reward to correct.
        task: The task, whose success bounds label the frames for whoever asks; without bounds none is in the goal.
        agents: Those whose episodes are played; of the one called `LAST` all `rollouts`, of others half as many.
        options: How many frames, episodes and states.
        seed: Random seed of episodes and search.
        progress: Told how far it is.
    """
    shown = progress or Progress()
    parts = [_played(reward, source, shown) for source in _sources(task, agents, options, seed)]
    found, remarks = _searched(reward, task, options, seed, shown)
    parts += found
    return Candidates(
        labelled=LabelledFrames.join([part.labelled for part in parts]),
        draw=lambda rows: _pictures(parts, rows),
        remarks=remarks,
    )


def propose(
    reward: RewardModel,
    candidates: Candidates,
    count: int,
    *,
    seed: int,
    earlier: UInt8[torch.Tensor, "m h w 3"] | None = None,
) -> Proposed:
    """Return the frames to label.

    Args:
        reward: The reward to correct.
        candidates: Frames to choose among.
        count: How many to choose; fewer where fewer are distinct.
        seed: Random seed of their order.
        earlier: Frames of earlier rounds, labelled or not, none of which is proposed again.

    Raises:
        SpecError: All candidates were proposed before.
    """
    distinct, remarks = _distinct(candidates.labelled.frames, earlier), list(candidates.remarks)
    if not len(distinct):
        raise SpecError(
            "all frames that were found have been proposed before; play more episodes (--rollouts), or search more."
        )
    if len(distinct) < count:
        new = "distinct" if earlier is None else "distinct and not proposed yet"
        remarks.append(f"{len(distinct)} of {len(candidates.labelled)} frames are {new}, fewer than {count}.")
    scores, embeddings = score_and_embed(reward, candidates.labelled.frames[torch.from_numpy(distinct)])
    rows = choose(scores, embeddings, min(count, len(distinct)))
    rows = np.random.default_rng([seed, 1]).permutation(rows)
    chosen = distinct[rows]
    return Proposed(
        labelled=candidates.labelled.take(chosen),
        pictures=candidates.draw(chosen),
        scores=scores[rows],
        remarks=remarks,
    )


def choose(scores: Float[np.ndarray, " n"], embeddings: Float[np.ndarray, "n d"], count: int) -> Int[np.ndarray, " m"]:
    """Return the rows of the frames to label: half of those paid best, the others at the border and unlike these.

    Args:
        scores: Score of each frame.
        embeddings: Embedding of each frame.
        count: How many to choose, at most as many as there are.

    Example:
        >>> line = np.linspace(0, 1, 101)
        >>> sorted(choose(line, line[:, None], 3).tolist())
        [49, 93, 100]
    """
    paid = (count + 1) // 2
    best = np.argsort(-scores, kind="stable")[: _LOOKED_AT * paid]
    best = best[most_informative(None, None, embeddings[best], [], first=paid)[:paid]]
    rest = most_informative(scores, None, embeddings, best.tolist(), first=count - paid)[: count - paid]
    rows: Int[np.ndarray, " m"] = np.concatenate([best, rest])
    return rows


def score_and_embed(reward: RewardModel, frames: Frames) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n d"]]:
    """Return the score of each frame by itself, and its embedding.

    Args:
        reward: The reward; where it looks back, the scores are those of frames.
        frames: Frames as it sees them.
    """
    seen = reward.read(frames)
    scores = reward.explain(seen)["score"].double().cpu().numpy()
    return scores, seen.embeddings.float().cpu().numpy()


def _sources(task: Task, agents: Mapping[str, Policy], options: ImproveOptions, seed: int) -> list[Rollouts]:
    few = max(options.rollouts // 2, 1) if LAST in agents else options.rollouts
    return [
        Rollouts(
            task=task,
            episodes=options.rollouts if name == LAST else few,
            seed=_FIRST_SEED + _SEEDS * seed,
            policy=policy,
            policy_name=name,
        )
        for name, policy in agents.items()
    ]


def _played(reward: RewardModel, source: Rollouts, shown: Progress) -> _Part:
    batches = []
    for batch in source.batches(reward.capture):
        batches.append(batch)
        shown.working(f"playing {source.policy_name}: {len(batches)} of {source.episodes} episodes")
    return _Part(labelled=LabelledFrames.join(batches), draw=lambda rows: _drawn_again(source, rows))


def _searched(
    reward: RewardModel, task: Task, options: ImproveOptions, seed: int, shown: Progress
) -> tuple[list[_Part], list[str]]:
    """States that are paid best, and states from anywhere: a reward that is wrong of the goal leads no search there.

    None where the simulator cannot be set to a state, and why.
    """
    if not options.exploit_search:
        return [], []
    if reward.spec.over_time is not None:
        return [], ["Exploits are left out: what a step is paid depends on more than one frame, and states are single."]
    try:
        return _found(reward, task, options, seed, shown), []
    except VlmrmError as error:
        return [], [f"Exploits are left out: {error}"]
    except Exception as error:  # of a user's simulator or model, as probes of an audit take it
        return [], [f"Exploits are left out: the search broke off with {type(error).__name__}: {error}"]


def _found(reward: RewardModel, task: Task, options: ImproveOptions, seed: int, shown: Progress) -> list[_Part]:
    count = _LOOKED_AT * options.labels
    climbs = ExploitSearch(evaluations=options.exploit_search, seed=seed)
    drawn = ExploitSearch(method="random", evaluations=count, population=min(count, _AT_ONCE), seed=seed)
    with SimulatorStates(task, reward) as states:
        found = search_exploits(
            states.evaluate,
            states.space,
            options=climbs,
            progress=lambda now: shown.working(f"searching exploits: {now.evaluations:,} of {now.of:,} states"),
        )
        anywhere = search_exploits(states.evaluate, states.space, options=drawn)
        return [
            _of_states(states, found.peaks(count, distance=_APART), "search for the best paid"),
            _of_states(states, anywhere.peaks(count, distance=0.0), "drawn at random"),
        ]


def _of_states(states: SimulatorStates, found: Sequence[Exploit], origin: str) -> _Part:
    names = [f"{origin}, state {one.evaluation}" for one in found]
    labelled = LabelledFrames(
        frames=states.draw_as_scored(found),
        in_goal=np.array([one.accepted for one in found]),
        names=names,
        groups=names,
        states={name: np.array([one.state[name] for one in found]) for name in found[0].state},
    )

    def draw(rows: Sequence[int]) -> Mapping[int, Picture]:
        return dict(zip(rows, states.draw([found[row] for row in rows]), strict=True))

    return _Part(labelled=labelled, draw=draw)


def _distinct(frames: Frames, earlier: UInt8[torch.Tensor, "m h w 3"] | None) -> Int[np.ndarray, " r"]:
    """Rows of the frames that no earlier one equals, and none of those with labels."""
    known = set() if earlier is None else {frame.tobytes() for frame in earlier.numpy()}
    first: dict[bytes, int] = {}
    for row, frame in enumerate(frames.numpy()):
        if (pixels := frame.tobytes()) not in known:
            first.setdefault(pixels, row)
    rows: Int[np.ndarray, " r"] = np.array(list(first.values()), dtype=int)
    return rows


def _pictures(parts: Sequence[_Part], chosen: Int[np.ndarray, " m"]) -> list[Picture]:
    """The chosen frames as large as they are drawn, in the order chosen."""
    drawn: dict[int, Picture] = {}
    first = 0
    for part in parts:
        count = len(part.labelled)
        rows = [int(row) - first for row in chosen if first <= row < first + count]
        drawn |= {first + row: picture for row, picture in part.draw(rows).items()}
        first += count
    return [drawn[int(row)] for row in chosen]


def _drawn_again(source: Rollouts, wanted: Sequence[int]) -> dict[int, Picture]:
    """Some frames of episodes that are played once more: of a MuJoCo scene, one drawn small is not one made small."""
    found: dict[int, Picture] = {}
    first = 0
    for batch in source.batches() if wanted else ():
        found |= {row: batch.frames[row - first].numpy() for row in wanted if first <= row < first + len(batch)}
        first += len(batch)
        if len(found) == len(wanted):
            break
    return found
