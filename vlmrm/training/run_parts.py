"""The parts of a run: the reward, the environments, the agent and how its steps are rewarded."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from vlmrm.agents.make_vec import make_vec
from vlmrm.agents.pairing import require_same_gamma
from vlmrm.agents.relabel import RelabelCallback
from vlmrm.encoders.runtime import Runtime, choose_runtime
from vlmrm.errors import RunError, SpecError
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.protocols import FrameReward
from vlmrm.rewards.spec import RewardSpec
from vlmrm.training.make_agent import make_agent
from vlmrm.training.plan import Plan
from vlmrm.training.run.checkpoint import find_best, load_checkpoint, load_newest
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.threads import LearnOnOneThread, learns_on_one_thread
from vlmrm.wrappers.make_env import MakeEnv


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """What a run works with."""

    plan: Plan
    """Plan of the run."""
    reward: FrameReward | None
    """The text reward; None: the environment's own is trained on."""
    second: FrameReward | None
    """A second reward that evaluations are scored with as well. None: there is none."""
    venv: VecEnv
    """Environments in which the agent trains."""
    agent: BaseAlgorithm
    """Agent that is trained."""
    relabel: RelabelCallback | None
    """Callback that rewards whole rollouts; None: the environment's own reward is trained on."""
    runtime: Runtime | None
    """Where and in which batches the encoder that the plan names computes; None: no such encoder was loaded here."""

    @property
    def second_identity(self) -> str | None:
        """What tells the second reward from others: its words and its weights. None: there is none."""
        if self.second is None or self.second.spec is None:
            return None
        return f"{self.second.spec.hash()} {self.second.fingerprint}"

    @property
    def callbacks(self) -> list[BaseCallback]:
        """Callbacks that reward the steps and keep learning quick."""
        quick = [LearnOnOneThread()] if learns_on_one_thread(self.agent) else []
        return [*([self.relabel] if self.relabel is not None else []), *quick]


def build_parts(plan: Plan, reward: FrameReward | None = None) -> Parts:
    """Load the encoder and make environments and an untrained agent.

    Args:
        plan: What to do.
        reward: A reward of the plan's spec that is loaded already, or the function that the plan names.

    Raises:
        SpecError: The agent cannot be made with these hyper-parameters, or the function that rewards was not given.
        EncoderError: The encoder cannot be loaded.
    """
    config, machine = plan.config, plan.config.machine
    runtime = None
    if reward is None and plan.spec is not None:
        runtime = choose_runtime(machine.device, machine.precision, batch_size=machine.batch_size)
    reward = _reward(plan, reward)
    second = _second_reward(plan, reward)
    preprocessing = None if reward is None else reward.capture
    make_env = MakeEnv(task=plan.task, pictures=reward is not None, preprocessing=preprocessing)
    venv = make_vec(make_env, num_envs=config.train.num_envs or 1, processes=config.train.processes)
    try:
        relabel = None if reward is None else RelabelCallback(reward, env_weight=config.reward.env_weight)
        agent = _agent(plan, venv, config.machine.device)
        if plan.spec is not None:
            require_same_gamma(plan.spec, vars(agent)["gamma"])
    except BaseException:
        venv.close()
        raise
    return Parts(plan=plan, reward=reward, second=second, venv=venv, agent=agent, relabel=relabel, runtime=runtime)


def _second_reward(plan: Plan, first: FrameReward | None) -> FrameReward | None:
    """The reward that evaluations are scored with as well, by the name of its model or by its file."""
    said, machine = plan.config.evaluation.second_reward, plan.config.machine
    if said is None:
        return None
    if first is None:
        raise SpecError("evaluation.second_reward is compared with a text reward, and this run has none. Leave it out.")
    if said.endswith((".toml", ".json")):
        spec = RewardSpec.load(said)
    elif first.spec is not None:
        plain = first.spec if first.spec.few_shot is None else first.spec.before("few_shot")
        spec = replace(plain, encoder=said)  # examples are of the first encoder
    else:
        raise SpecError(f"the function {first.name} has no sentences for {said!r}; name a .toml or .json file.")
    second = RewardModel.from_spec(
        plan.task.with_reward(spec).reward,
        device=machine.device,
        precision=machine.precision,
        batch_size=machine.batch_size,
    )
    if _says_the_same(first, second):
        raise SpecError(
            f"evaluation.second_reward={said!r} is the reward that the agent is trained on, which cannot contradict "
            "itself. Name another model, or other sentences in a file."
        )
    return second


def _says_the_same(first: FrameReward, second: RewardModel) -> bool:
    """Whether two rewards have the same words, and the same weights, perhaps by another name."""
    if first.spec is None or first.fingerprint != second.fingerprint:
        return False
    return first.spec.hash() == replace(second.spec, encoder=first.spec.encoder).hash()


def _reward(plan: Plan, given: FrameReward | None) -> FrameReward | None:
    """The reward that pictures earn; None: the environment's own is trained on."""
    function, machine = plan.config.reward.function, plan.config.machine
    if function is not None:
        if given is None or given.name != function:
            raise SpecError(
                f"the run is rewarded by the function {function}, which no file and no command line can hold; got "
                f"{'no reward' if given is None else given.name}. Give it in Python: train(config, "
                "reward=FunctionReward(f)), or resume(path, reward=FunctionReward(f))."
            )
        return given
    if plan.spec is None:
        if given is not None:
            raise SpecError(
                f"the run trains on the environment's own reward, so the reward {given.name} would not be used. Leave "
                "it out, or leave out source='env'."
            )
        return None
    if given is not None:
        if given.spec is None or given.spec.hash() != plan.spec.hash():
            raise SpecError(
                f"the reward {given.name} is another one than the configuration's, which would be written down: "
                f"{given.spec} in the place of {plan.spec}. Save its spec and name the file as reward.source."
            )
        return given
    return RewardModel.from_spec(
        plan.spec, device=machine.device, precision=machine.precision, batch_size=machine.batch_size
    )


def _agent(plan: Plan, venv: VecEnv, device: str | None) -> BaseAlgorithm:
    train = plan.config.train
    return make_agent(
        plan.algorithm, venv, hyperparameters=train.hyperparameters, seed=train.seed, device=device,
        warm_start=train.start_from is not None,
    )  # fmt: skip


def reseed(parts: Parts, step: int) -> None:
    """Give the environments of a resumed run other starts than those they had before.

    Args:
        parts: Parts of the run.
        step: Where it goes on.
    """
    fresh = np.random.SeedSequence([parts.plan.config.train.seed, step]).generate_state(1)[0]
    parts.venv.seed(int(fresh) % 2**31)


def load_agent(run: str | Path, *, best: bool = False) -> BaseAlgorithm:
    """The agent of a run, to act or to train on; runs no code from the files.

    Args:
        run: The run's folder.
        best: The agent that the run kept as the best (`EvaluationOptions.best_by`) instead of the last one.

    Returns:
        An agent of Stable-Baselines3: ``agent.predict(observation, deterministic=True)``. A recurrent one returns
        what it remembers beside its action, and wants it back in the next call of the same episode, as ``state``.

    Raises:
        RunError: There is no such run, or no checkpoint of it can be read.
    """
    directory = RunDirectory(Path(run))
    plan = Plan.from_dict(RunDirectory.read_json(directory.config), directory.path)
    venv = make_vec(MakeEnv(task=plan.task, pictures=False), num_envs=plan.config.train.num_envs or 1)
    with _random_states_kept():
        agent = _agent(plan, venv, "cpu")
        path = _load(agent, directory, best=best)
    if path is None:
        raise RunError(f"{run} has no checkpoint yet.")
    return agent


def _load(agent: BaseAlgorithm, directory: RunDirectory, *, best: bool) -> Path | None:
    if not best:
        return load_newest(agent, directory.checkpoints)[0]
    path = find_best(directory.checkpoints)
    if path is not None:
        load_checkpoint(agent, path)
    return path


@contextmanager
def _random_states_kept() -> Iterator[None]:
    """Making an agent seeds the global generators and a checkpoint sets them; a caller of `load_agent` keeps theirs."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002  # the global ones
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
