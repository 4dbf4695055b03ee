#!/usr/bin/env python
"""Collect states of the humanoid that agents meet, for the training of sim-h and for the gate of its rewards.

    python scripts/visited_states.py early               # an agent that begins to learn on the oracle's reward
    python scripts/visited_states.py held                # poses let go, held by weak springs, pushed about
    python scripts/visited_states.py climbed SPEC.toml   # the optima of a reward, and the way there
    python scripts/visited_states.py agent RUN           # what the agents of a run do, newest and best

Drawn poses are at rest and whole; an agent falls through a kneel, leans, and finds out what is paid. Positions are
kept, not pictures: visited/humanoid.npz has the ``qpos`` of each state, where it comes from, and the episode that it
belongs to. Every third episode is held out: nothing is trained on it. A source that is collected again replaces what
it had.

What is committed: `early` and `held` as they are; climbs of sim-m, 15 of 480 states each on
experiments/kneeling/negatives.toml from the side (seed 102) and from the front (seed 103), and 12 on the task's own
sentence from the front; what an agent on negatives.toml from the side did after 30,000 and 37,280 steps; and, as kind
`again`, 24 climbs each of sim-h-near on softmax_eleven.toml from the side (seed 104) and from the front (seed 105).
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import tyro
import vlmrm_envs as envs
from numpy.typing import NDArray
from tyro.conf import Positional
from visited_file import KEPT, Visited
from vlmrm_envs.scenes.humanoid import Humanoid
from vlmrm_envs.scenes.humanoid.poses import GOALS, LOOK_ALIKES, POSES
from vlmrm_envs.scenes.humanoid.put import put, springs

from vlmrm import RewardModel, RewardSpec
from vlmrm.agents.make_vec import make_vec
from vlmrm.exploits import ExploitSearch, SimulatorStates, search_exploits
from vlmrm.training import load_agent
from vlmrm.training.algorithms import find_algorithm
from vlmrm.training.make_agent import make_agent
from vlmrm.wrappers.make_env import MakeEnv

TASK = "humanoid/kneeling"
EVERY = 4  # steps of 0.015 s: neighbours show the same

Positions = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Early:
    """SAC on the oracle's reward, from its first random steps."""

    steps: int = 24_000
    """Environment steps."""
    seed: int = 100
    """Of the run."""

    def collect(self) -> Iterator[tuple[str, list[Positions]]]:
        """One list of positions per episode."""
        task = envs.task(TASK)
        settings = task.small or task.train
        venv = make_vec(MakeEnv(task=task, pictures=False), num_envs=settings.num_envs or 4)
        algorithm = find_algorithm(settings.algorithm or "SAC")
        given = {**settings.hyperparameters, "learning_starts": 3_000, "buffer_size": self.steps}
        agent = make_agent(algorithm, venv, hyperparameters=given, seed=self.seed, device="cpu")
        episodes: list[list[Any]] = []
        running: list[list[Any]] = [[] for _ in range(venv.num_envs)]

        def watch(local: dict[str, Any], _: dict[str, Any]) -> bool:
            for i, inner in enumerate(venv.get_attr("unwrapped")):
                running[i].append(inner.data.qpos.copy())
                if local["dones"][i]:
                    episodes.append(running[i][:-1:EVERY])  # the last one is the start of the next episode
                    running[i] = []
            return True

        agent.learn(self.steps, callback=watch)
        yield "early", [np.array(episode, np.float32) for episode in episodes]


@dataclass(frozen=True, kw_only=True)
class Held:
    """Poses of the library, let go with weak springs at their joints and random torques."""

    episodes: int = 1_200
    """Number of poses."""
    seed: int = 101
    """Of all chance."""

    def collect(self) -> Iterator[tuple[str, list[Positions]]]:
        """One list of positions per pose."""
        env, found = Humanoid(), []
        for episode in range(self.episodes):
            rng = np.random.default_rng([self.seed, episode])
            names = GOALS["kneeling"] if rng.random() < 0.5 else LOOK_ALIKES["kneeling"]
            names = names if rng.random() < 0.8 else tuple(POSES)
            put(env.model, env.data, POSES[str(rng.choice(names))], rng)
            env.data.qpos[0:2] = rng.normal(0, 0.15, 2)
            found.append(np.array(list(let_go(env.model, env.data, rng)), np.float32))
        env.close()
        yield "held", found


@dataclass(frozen=True, kw_only=True)
class Climbed:
    """States that climbs on a reward passed: the best-paid quarter of each, up to 60."""

    spec: Positional[Path]
    """A reward."""
    climbs: int = 24
    """Number of climbs."""
    evaluations: int = 720
    """States of each."""
    seed: int = 102
    """Of all chance."""
    azimuth: float = 90.0
    """Of the camera, in degrees."""
    kind: str = "climbed"
    """First word of the source's name: `again` for a reward by a model that learnt others; the gate leaves them out."""

    def collect(self) -> Iterator[tuple[str, list[Positions]]]:
        """One list of positions per climb."""
        task = seen_from(self.azimuth)
        options = ExploitSearch(
            method="cma", population=12, spread=0.25, climbs=self.climbs,
            evaluations=self.climbs * self.evaluations, seed=self.seed,
        )  # fmt: skip
        with SimulatorStates(task, RewardModel.from_spec(RewardSpec.load(self.spec))) as states:
            found = search_exploits(states.evaluate, states.space, options=options)
            inner, episodes = Humanoid(), []
            for climb in range(self.climbs):
                rows = np.flatnonzero(found.climbs == climb)
                best = rows[np.argsort(-found.scored.scores[rows])][: len(rows) // 4]
                positions = []
                for row in best[:: max(len(best) // 60, 1)]:
                    inner.set_variables(found.space.named(found.space.unscale(found.points[row][None])[0]))
                    positions.append(inner.data.qpos.copy())
                episodes.append(np.array(positions, np.float32))
            inner.close()
        print(f"{found.climbs_in_goal} of {self.climbs} climbs end in the goal")
        yield f"{self.kind} {self.spec.stem} {self.azimuth:g}", episodes


@dataclass(frozen=True, kw_only=True)
class Agent:
    """The newest and the best agent of a run, which also acts a little at random."""

    run: Positional[Path]
    """The run's folder."""
    episodes: int = 40
    """Episodes of each agent, half of them with the noise that it explores with."""
    seed: int = 30_000
    """Of the first episode's environment."""

    def collect(self) -> Iterator[tuple[str, list[Positions]]]:
        """One list of positions per episode."""
        for best in (False, True):
            agent = load_agent(self.run, best=best)
            env, found = MakeEnv(task=envs.task(TASK), pictures=False)(), []
            inner: Any = env.unwrapped
            for episode in range(self.episodes):
                observation, _ = env.reset(seed=self.seed + episode)
                positions: list[Any] = []
                for step in itertools.count():
                    action, _ = agent.predict(observation, deterministic=episode % 2 == 0)
                    observation, _, terminated, truncated, _ = env.step(action)
                    positions += [inner.data.qpos.copy()] if step % EVERY == 0 else []
                    if terminated or truncated:
                        break
                found.append(np.array(positions, np.float32))
            env.close()
            yield f"agent {self.run.name} {agent.num_timesteps}", found


def let_go(model: Any, data: Any, rng: np.random.Generator) -> Iterator[Any]:
    """Four positions of a body in the 1.5 s after its pose was set: springs hold it as a rule, torques push it."""
    stiffness = float(rng.uniform(20, 100)) if rng.random() < 0.8 else 0.0
    with springs(model, data, stiffness=stiffness, damping=5.0):
        strength, step = float(rng.uniform(0, 0.4)), 0
        for last in np.sort(rng.integers(1, 100, 4)):
            while step < last:
                if step % 10 == 0:
                    data.ctrl[:] = strength * rng.uniform(-1, 1, model.nu)
                mujoco.mj_step(model, data, 5)
                step += 1
            yield data.qpos.copy()


def seen_from(azimuth: float) -> Any:
    """The task, from another side."""
    task = envs.task(TASK)
    return replace(task, camera=replace(task.camera, azimuth_deg=azimuth))


def main(source: Early | Held | Climbed | Agent) -> None:
    """Collect one source and write the file anew."""
    for name, episodes in source.collect():
        kept = Visited.load(KEPT) if KEPT.is_file() else Visited.empty()  # others may have written meanwhile
        kept = kept.with_source(name, episodes)
        print(f"{name}: {sum(map(len, episodes))} states of {len(episodes)} episodes")
        kept.save(KEPT)
    print(f"{len(kept.positions)} states, {KEPT.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(tyro.cli(Early | Held | Climbed | Agent, description=__doc__))
