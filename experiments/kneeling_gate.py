#!/usr/bin/env python
"""Is a reward for kneeling worth hours of training? What it does on states that agents meet, minutes before.

    python experiments/kneeling_gate.py                    # all ways to reward
    python experiments/kneeling_gate.py --ways side both   # some of them; the others keep their numbers

AUROC on drawn poses is high for nearly every reward and says little: an agent comes to the border of the goal and stays
on the side that costs less. So the states are those of agents at their beginning and of one that failed, of poses that
were let go and pushed, and of climbs of rewards (scripts/visited_states.py; every third episode, on which nothing was
trained, though sim-h learnt the others of the same sources), and each way to reward them must tell the lean's and the
knees' border (AUROC >= 0.85 where that bound alone decides), pay for staying inside of it (>= 20 % of the span), rank
the goal on top (average precision >= 0.9), and have its own optima in the goal (10 of 12 climbs). Results go to
experiments/results/kneeling_gate.{md,json}.
"""

import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
import vlmrm_envs as envs
from jaxtyping import Bool, Float, UInt8
from kneeling_ways import CAMERAS, WAYS, Way
from shipped import fingerprint
from training_runs import MARK, MARK_SAYS

from vlmrm import RewardModel
from vlmrm.atomic import whole_file, write_json
from vlmrm.exploits import Exploit, ExploitSearch, SimulatorStates, search_exploits
from vlmrm.metrics import auroc, average_precision, estimate
from vlmrm.wrappers.make_env import MakeEnv

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from visited_file import KEPT, Visited  # beside the script that writes the states

RESULTS = Path(__file__).resolve().parent / "results"
DRAWN = Path(__file__).resolve().parent.parent / "runs" / "kneeling" / "drawn"
TASK = "humanoid/kneeling"
SHARE = 3_000  # states drawn of all that are held out, and every one near a border
BORDERS = {  # variable: where its border is looked at, and the two sides of the margin
    "torso_tilt_deg": ((15, 55), (0, 20), (35, 45)),
    "higher_knee_m": ((0.05, 0.22), (0, 0.13), (0.14, 0.22)),
}
AIMS = {"ap": 0.9, "lean": 0.85, "knees": 0.85, "lean_margin": 0.2, "knees_margin": 0.2, "climbs": 10 / 12}
SOURCES = ("early", "held", "climbed", "agent")  # not the climbs that only sim-h was trained on
SEARCHES, EACH = 12, 3  # searches for a reward's own optimum, and climbs of each, of which the best paid counts
CLIMBS = ExploitSearch(
    method="cma", population=12, spread=0.25, climbs=SEARCHES * EACH, evaluations=SEARCHES * EACH * 720, seed=0
)


@dataclass(frozen=True, kw_only=True)
class Args:
    """What is looked at."""

    ways: tuple[str, ...] = tuple(WAYS)
    """Names in kneeling_ways.py."""
    climb: bool = True
    """Whether to climb each reward, which takes most of the time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Met:
    """States on the way to a kneel and beside one, with what the oracle says of them."""

    positions: Float[np.ndarray, "n q"]
    """``qpos`` of each."""
    sources: Any
    """Kind of source of each: early, held, climbed or agent."""
    episodes: Any
    """The episode of its source that each belongs to, as one name."""
    states: Mapping[str, Float[np.ndarray, " n"]]
    """Variables of the state."""
    in_goal: Bool[np.ndarray, " n"]
    """Whether each lies in the goal."""

    def alone(self, variable: str) -> Bool[np.ndarray, " n"]:
        """States that meet all bounds but perhaps those of one variable."""
        where = envs.task(TASK).success.where
        inside = [low <= self.states[name] for name, (low, _) in where.items() if name != variable]
        inside += [self.states[name] <= high for name, (_, high) in where.items() if name != variable]
        return np.all(inside, axis=0)


def met() -> Met:
    """Every held-out state near a border, and some of the others."""
    kept = Visited.load(KEPT)
    kept = kept.take(kept.held_out & np.isin([source.split()[0] for source in kept.sources], SOURCES))
    env = MakeEnv(task=envs.task(TASK), pictures=False)()
    env.reset(seed=0)
    inner: Any = env.unwrapped
    rows = [_state(inner, position) for position in kept.positions]
    env.close()
    found = Met(
        positions=kept.positions,
        sources=np.array([source.split()[0] for source in kept.sources]),
        episodes=np.array([f"{s} {e}" for s, e in zip(kept.sources, kept.episodes, strict=True)]),
        states={name: np.array([row[name] for row in rows]) for name in rows[0]},
        in_goal=np.array([envs.task(TASK).success.holds(row) for row in rows]),
    )
    chosen = np.random.default_rng(0).permutation(len(rows))[:SHARE]
    near = np.zeros(len(rows), bool)
    near[chosen] = True
    for variable, (between, _, _) in BORDERS.items():
        near |= found.alone(variable) & _in(found.states[variable], between)
    return Met(
        positions=found.positions[near], sources=found.sources[near], episodes=found.episodes[near],
        states={name: column[near] for name, column in found.states.items()}, in_goal=found.in_goal[near],
    )  # fmt: skip


def _state(inner: Any, position: Any) -> Mapping[str, float]:
    inner.set_state(position.astype(float), np.zeros(inner.model.nv))
    return inner.state_variables()


def _in(values: Float[np.ndarray, " n"], bounds: tuple[float, float]) -> Bool[np.ndarray, " n"]:
    return (bounds[0] <= values) & (values <= bounds[1])


def drawn(states: Met, camera: str, reward: RewardModel) -> UInt8[np.ndarray, "n h w 3"]:
    """The states as a camera sees them; kept, since drawing takes longer than scoring."""
    size = reward.capture.size_px if reward.capture else 0
    path = DRAWN / f"{camera}-{size}-{len(states.positions)}-{_digest(states.positions)}.npy"
    if path.is_file():
        return np.load(path)
    task = replace(envs.task(TASK), camera=CAMERAS[camera], cameras={})
    env = MakeEnv(task=task, pictures=True, preprocessing=reward.capture)()
    env.reset(seed=0)
    inner: Any = env.unwrapped
    frames = []
    for position in states.positions:
        inner.set_state(position.astype(float), np.zeros(inner.model.nv))
        frames.append(np.asarray(env.render()))
    env.close()
    stacked = torch.from_numpy(np.stack(frames))
    found = (stacked if reward.capture is None else reward.capture.resize(stacked)).numpy()
    with whole_file(path) as aside:
        np.save(aside, found)
    return found


def _digest(positions: Any) -> str:
    return hashlib.sha256(positions.tobytes()).hexdigest()[:12]


def scores_of(way: Way, states: Met, reward: RewardModel) -> Float[np.ndarray, " n"]:
    """Without its threshold, which leaves nothing to rank."""
    alone = RewardModel(reward.encoder, replace(way.spec(), cameras=None))  # draws one camera at a time
    frames = np.concatenate([drawn(states, camera, alone) for camera in way.cameras], axis=2)
    return np.concatenate([reward.score(part).double().numpy() for part in np.array_split(frames, len(frames) // 64)])


def measure(way: Way, states: Met, args: Args) -> dict[str, Any]:
    """All numbers of one way."""
    reward = RewardModel.from_spec(way.spec())
    scores, found = scores_of(way, states, reward), {}
    span = float(np.ptp(scores))
    for name, metric in (("auroc", auroc), ("ap", average_precision)):
        value = estimate(metric, scores, states.in_goal, groups=states.episodes)
        found[name] = [value.value, value.low, value.high]
    for source in np.unique(states.sources):
        of = states.sources == source
        if 0 < states.in_goal[of].sum() < of.sum():
            found[f"auroc {source}"] = auroc(scores[of], states.in_goal[of])
            found[f"ap {source}"] = average_precision(scores[of], states.in_goal[of])
    for variable, short in (("torso_tilt_deg", "lean"), ("higher_knee_m", "knees")):
        between, inside, outside = BORDERS[variable]
        rows, values = states.alone(variable), states.states[variable]
        near = rows & _in(values, between)
        value = estimate(auroc, scores[near], states.in_goal[near], groups=states.episodes[near])
        found[short] = [value.value, value.low, value.high]
        medians = [np.median(scores[rows & _in(values, side)]) for side in (inside, outside)]
        found[f"{short}_margin"] = float(medians[0] - medians[1]) / span
        if short == "lean":
            back = near & (states.states["facing_up"] > 0)
            found["lean backwards"] = auroc(scores[back], states.in_goal[back])
    if args.climb:
        task = way.task()
        started = time.monotonic()
        with SimulatorStates(task, reward) as simulator:
            climbed = search_exploits(simulator.evaluate, simulator.space, options=CLIMBS)
        found |= climbed_to(way, climbed.climbed, float(np.median(scores[states.in_goal])))
        found["climb_s"] = time.monotonic() - started
    return found | {"encoder": reward.spec.encoder, "fingerprint": fingerprint(reward.spec.encoder)}


def climbed_to(way: Way, ends: Sequence[Exploit], goal_median: float) -> dict[str, Any]:
    """Where climbs ended: each by itself, and the best paid of every few, a search."""
    best = [max(ends[i : i + EACH], key=lambda end: end.score) for i in range(0, len(ends), EACH)]
    return {
        "searches": sum(end.accepted for end in best),
        "climbs": sum(end.accepted for end in ends),
        "goal_median": goal_median,
        "fooled": sum(not end.accepted and end.score >= goal_median for end in ends),
        "ends": [{"score": end.score, "in_goal": end.accepted, "misses": way.missed(end.state)} for end in ends],
    }


def passes(found: Mapping[str, Any]) -> list[str]:
    """What a way lacks; empty: it passes."""
    lacks = []
    for name, aim in AIMS.items():
        value = found.get(name)
        value = value[0] if isinstance(value, list) else value
        if name == "climbs" and value is not None:
            value /= len(found["ends"])
        if value is None or value < aim:
            lacks.append(name)
    return lacks


def page(results: Mapping[str, Any]) -> list[str]:
    """Markdown."""
    counts = results["states"]
    lines = [
        "# The gate before kneeling is trained",
        "",
        "Made by `python experiments/kneeling_gate.py`: what each way to reward does on states of agents that begin",
        "(early) and of one that failed (agent), of poses that were let go and pushed (held), and of climbs of rewards",
        "(climbed), all of episodes on which nothing was trained; `sim-h` has learnt others of the same sources.",
        f"{counts['n']:,} states, {counts['goal']:,} of them in the goal: "
        + ", ".join(f"{name} {count:,}" for name, count in counts["sources"].items())
        + ".",
        "The lean's border is where the torso leans by 15 to 55 degrees (35 are allowed) and every other bound is met,",
        "the knees' where the higher knee is 5 to 22 cm up (13 are allowed). A margin is the median of what is well",
        "inside less that of 35 to 45 degrees, and of 14 to 22 cm, as a share of the whole span of scores. Climbs are",
        "by CMA-ES over 720 poses at rest each. One may end on a small hill of its own; so beside it stand the best",
        f"paid ends of every {EACH} climbs, a search, and how many climbs end outside of the goal with at least the",
        "pay of the median goal state. In brackets: 95 % intervals, of episodes drawn anew.",
        "",
        "| way | AUROC | average precision (0.9) | lean's border (0.85) | backwards | knees' border (0.85) "
        "| margin, lean (20 %) | margin, knees (20 %) | climbs in the goal (10 of 12) | searches in the goal "
        "| paid as the goal | lacks |",
        "|" + "---|" * 12,
    ]
    for name, found in results["ways"].items():
        lacks = passes(found)
        cells = [
            _says(name, found), _interval(found["auroc"]), _interval(found["ap"]),
            _interval(found["lean"]), f"{found['lean backwards']:.2f}", _interval(found["knees"]),
            f"{found['lean_margin']:.0%}", f"{found['knees_margin']:.0%}",
            f"{found['climbs']} of {len(found['ends'])}" if "climbs" in found else "-",
            f"{found['searches']} of {SEARCHES}" if "searches" in found else "-",
            str(found.get("fooled", "-")), ", ".join(lacks) or "nothing",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    sources = [name for name in counts["sources"]]
    lines += [
        "",
        "AUROC and average precision by where the states come from:",
        "",
        "| way | " + " | ".join(sources) + " |",
        "|" + "---|" * (1 + len(sources)),
    ]
    for name, found in results["ways"].items():
        cells = [
            f"{found[f'auroc {s}']:.3f} / {found[f'ap {s}']:.2f}" if f"auroc {s}" in found else "-" for s in sources
        ]
        lines.append(f"| {_says(name, found)} | " + " | ".join(cells) + " |")
    lines += ["", "What the climbs' ends outside of the goal miss:", ""]
    for name, found in results["ways"].items():
        if "ends" not in found:
            continue
        misses: dict[str, int] = {}
        for end in found["ends"]:
            for bound in end["misses"]:
                misses[bound] = misses.get(bound, 0) + 1
        said = ", ".join(f"`{bound}` {count}" for bound, count in sorted(misses.items(), key=lambda pair: -pair[1]))
        lines.append(f"- {_says(name, found)}: {said or 'nothing'}")
    earlier = any(MARK in _says(name, found) for name, found in results["ways"].items())
    return [*lines, "", MARK_SAYS] if earlier else lines


def _says(name: str, found: Mapping[str, Any]) -> str:
    """What tables call a way, with a mark where it was measured with earlier weights."""
    return WAYS[name].says + ("" if found["fingerprint"] == fingerprint(found["encoder"]) else MARK)


def _interval(values: list[float]) -> str:
    return f"{values[0]:.2f} [{values[1]:.2f}, {values[2]:.2f}]"


def main(args: Args) -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    states = met()
    path = RESULTS / "kneeling_gate.json"
    kept = json.loads(path.read_text()) if path.is_file() else {}
    names, counts = np.unique(states.sources, return_counts=True)
    described = {
        "n": len(states.positions), "goal": int(states.in_goal.sum()), "digest": _digest(states.positions),
        "sources": dict(zip(names.tolist(), counts.tolist(), strict=True)),
    }  # fmt: skip
    same = kept.get("states") == described
    ways = {name: found for name, found in kept.get("ways", {}).items() if same and name in WAYS}
    results = {"states": described, "ways": ways}
    for name in args.ways:
        started = time.monotonic()
        ways[name] = measure(WAYS[name], states, args)
        print(f"{name}: {time.monotonic() - started:.0f} s, lacks {passes(ways[name])}", flush=True)
        results["ways"] = {way: ways[way] for way in WAYS if way in ways}
        write_json(path, results)
        with whole_file(RESULTS / "kneeling_gate.md") as aside:
            aside.write_text("\n".join(page(results)) + "\n")
    print("\n".join(page(results)))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
