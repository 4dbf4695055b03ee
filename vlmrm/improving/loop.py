"""`improve`: frames are proposed, labelled and fitted, and training goes on with the corrected reward.

    for each round:  propose frames -> labels -> fit, judge on labels kept aside -> train on from the newest agent

Whatever a round has written is not made again, so that the same call goes on where an earlier one ended: at labels that
a person was to give, at a stopped training, or at a reward that was refused and is to be fitted to other labels.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from vlmrm.atomic import write_json
from vlmrm.data.task_frames import Policy, random_policy
from vlmrm.errors import SpecError
from vlmrm.fitting.tuning.options import TUNERS
from vlmrm.improving.asking import what_is_left_out, what_to_label
from vlmrm.improving.begun import BEGUN, asked_for, require_same
from vlmrm.improving.correcting import Labelled, correct
from vlmrm.improving.improvement import LABELLED_BY, Improvement, Round
from vlmrm.improving.options import ImproveOptions
from vlmrm.improving.proposing import find_candidates, propose
from vlmrm.improving.round_folder import RoundFolder
from vlmrm.improving.trained_on import TrainedOn, require_as_trained
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.transforms.few_shot import FEW_SHOT
from vlmrm.training.config import TrainConfig
from vlmrm.training.options import RewardOptions
from vlmrm.training.plan import Plan, make_plan
from vlmrm.training.progress import Progress
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run_agents import HALF, LAST, RANDOM, acting, half_random
from vlmrm.training.run_parts import load_agent
from vlmrm.training.runner import resume, train
from vlmrm.training.start_from import require_start
from vlmrm.values import require_choice

_PROPOSED = "proposed"  # in begun.json: how often frames of a round were
_FIRST = "first_reward.json"  # the one that is corrected
_ANEW = 50  # seeds further: frames of a round whose folder was deleted are others


def improve(
    config: TrainConfig, options: ImproveOptions | None = None, *, progress: Progress | None = None
) -> Improvement:
    """Correct a reward by labels while an agent trains on it, and go on where an earlier call ended.

    Args:
        config: What to train in each round. Its reward is corrected; ``train.start_from`` is the run of the present
            agent, and without one the first round begins with random actions and an untrained agent.
            ``output.folder`` is the folder of the rounds; None: one in runs/, called after task and seed.
        options: How many frames and rounds, who labels, and what is fitted. None: as `ImproveOptions` has them.
        progress: Shows how far it is; None: nothing is shown.

    Returns:
        What came of it, which is also written as ``improve.html`` and ``improve.json``. Where a person has to label
        frames first, `Improvement.waiting` says so.

    Raises:
        RunError: A corrected reward is worse on the labels kept aside, or the folder is of other options.
        SpecError: Labels are all of one kind, or something does not fit.
        TrainingStopped: Ctrl-C was pressed; the same call goes on.
        VlmrmError: The configuration cannot work; nothing has been written then.
    """
    loop = _Loop(config, options or ImproveOptions(), progress or Progress())
    loop.begin()
    for number in range(1, loop.options.rounds + 1):
        waiting = loop.carry_out(RoundFolder(loop.folder / f"round_{number}", number))
        loop.improvement(waiting).save(loop.folder / "improve.html")
        if waiting:
            return loop.improvement(waiting)
    return loop.improvement()


class _Loop:
    """What the rounds have in common: the configuration, the newest reward and agent, and all labels so far."""

    def __init__(self, config: TrainConfig, options: ImproveOptions, progress: Progress) -> None:
        self._plan, self.options, self._progress = _plan(config, options), options, progress
        self._config = replace(config, train=replace(config.train, start_from=self._plan.config.train.start_from))
        self.folder = config.output.folder or Path("runs") / _usual_name(self._plan)
        self._rounds: list[RoundFolder] = []
        self._labelled: list[Labelled] = []
        self._begun: dict[str, Any] = {}
        self._remarks: dict[str, list[str]] = {}

    def begin(self) -> None:
        """Note what is asked for; a folder of something else is refused."""
        said = asked_for(self._config, self._plan.task, self.options)
        before = require_same(self.folder, said)
        self._begun = {**said, _PROPOSED: before.get(_PROPOSED, {})}
        write_json(self.folder / BEGUN, self._begun)
        self._plan.task.reward.save(self.folder / _FIRST)
        self._progress.note(f"writing to {self.folder}")
        if (fitted := self._plan.task.reward.few_shot) is not None:
            self._progress.note(
                f"the reward was fitted to {len(fitted.labels)} labels before, which no correction here knows of: it "
                "is fitted anew, to the labels of these rounds alone."
            )

    def carry_out(self, files: RoundFolder) -> str:
        """Carry a round out or on; return what a person has to do first, and nothing where it is done."""
        self._rounds.append(files)
        if not files.is_proposed:
            files.require_not_fitted()
            self._propose(files)
        labelled = files.read_labelled(self.options.kept_aside, self._seed(files))
        if labelled is None:
            return what_to_label(files, self._newest_file(files))
        self._labelled.append(labelled)
        if left_out := what_is_left_out(files, len(labelled.names)):
            self._tell(files, left_out)
        if not files.reward.exists():
            self._correct(files)
        elif changed := files.what_changed(self._labelled, self.options.method):
            self._tell(files, changed)
        self._train(files)
        return ""

    def improvement(self, waiting: str = "") -> Improvement:
        """What has come of the rounds that have begun."""
        return Improvement(
            folder=self.folder,
            task=self._plan.task.name,
            options=self.options,
            started_from=self._plan.config.train.start_from,
            rounds=[Round.read(files, self._remarks.get(files.name, [])) for files in self._rounds],
            waiting=waiting,
        )

    def _tell(self, files: RoundFolder, remark: str) -> None:
        """Say something of a round at once, and on the page."""
        self._progress.note(f"{files.name}: {remark}")
        self._remarks.setdefault(files.name, []).append(remark)

    def _propose(self, files: RoundFolder) -> None:
        run = self._newest_run(files)
        self._progress.note(f"{files.name}: proposing {self.options.labels} frames")
        reward = self._newest_reward(files)
        times: dict[str, int] = self._begun[_PROPOSED]
        seed = self._seed(files) + _ANEW * times.get(files.name, 0)
        task = replace(self._plan.task, reward=reward.spec)
        agents, labels = _agents(run), self.options.labels
        found = find_candidates(reward, task, agents, self.options, seed=seed, progress=self._progress)
        self._progress.working(f"scoring {len(found.labelled):,} frames")
        earlier = [one.read_captured() for one in self._rounds if one is not files]
        seen = torch.cat(earlier) if earlier else None
        proposed = propose(reward, found, labels, seed=seed, earlier=seen)
        self._progress.end()
        oracle = self.options.labelled_by == "oracle"
        if oracle:
            self._progress.note(f"{files.name}: {LABELLED_BY['oracle']}")
        files.write_proposed(proposed, rater=f"success bounds of {task.name}" if oracle else None)
        for remark in files.read_origins()["remarks"]:
            self._progress.note(f"{files.name}: {remark}")
        times[files.name] = times.get(files.name, 0) + 1
        write_json(self.folder / BEGUN, self._begun)

    def _correct(self, files: RoundFolder) -> None:
        before, base = self._newest_reward(files), self._model(None)
        out = files.encoder.absolute()
        try:
            reward, found = correct(base, before, self._labelled, method=self.options.method, out=out)
        except SpecError as error:
            raise SpecError(
                f"{files.name}: {error} Other frames are proposed where {files.path} is deleted."
            ) from error
        write_json(files.correction, found.to_dict())
        if found.refused:
            page = self.improvement().save(self.folder / "improve.html")
            found.require_no_worse(f"{files.name} ({page})")
        reward.spec.save(files.reward)
        self._progress.note(f"{files.name}: {found.kept_aside} labels kept aside; {found.before}, now {found.after}")

    def _train(self, files: RoundFolder) -> None:
        newest, config = self._newest_run(files), self._config
        if RunDirectory(files.run).config.exists():
            reward = self._plan.task.with_reward(RewardSpec.load(files.reward)).reward
            require_as_trained(files, newest, reward.hash())
            resume(files.run, progress=self._progress)
            return
        TrainedOn.now(files, newest).write(files)
        source = RewardOptions(source=str(files.reward), env_weight=config.reward.env_weight)
        start = replace(config.train, start_from=newest)
        train(
            replace(config, reward=source, train=start, output=replace(config.output, folder=files.run)),
            progress=self._progress,
        )

    def _newest_run(self, files: RoundFolder) -> Path | None:
        """The run whose agent a round begins with."""
        return self._rounds[files.number - 2].run if files.number > 1 else self._plan.config.train.start_from

    def _newest_reward(self, files: RoundFolder) -> RewardModel:
        return self._model(self._newest_file(files) if files.number > 1 else None)

    def _newest_file(self, files: RoundFolder) -> Path:
        """File of the reward before a round."""
        return self._rounds[files.number - 2].reward if files.number > 1 else self.folder / _FIRST

    def _model(self, file: Path | None) -> RewardModel:
        """The reward of a file, or the one that is corrected."""
        machine = self._config.machine
        spec = self._plan.task.reward if file is None else file
        return RewardModel.from_spec(
            spec, device=machine.device, precision=machine.precision, batch_size=machine.batch_size
        )

    def _seed(self, files: RoundFolder) -> int:
        """A seed of the round's own: its episodes, its search and the labels that it keeps aside."""
        return 100 * self._config.train.seed + files.number


def _plan(config: TrainConfig, options: ImproveOptions) -> Plan:
    """The training of a round on the reward as it is; refuses what cannot be improved."""
    require_choice("method", options.method, [*FEW_SHOT, *TUNERS])
    if config.reward.is_env or config.reward.function:
        raise SpecError("the environment's own reward cannot be corrected by labels; give a reward of sentences.")
    if config.reward.audit:
        raise SpecError(
            f"an audit is of one reward, and each round trains on another; got audit={config.reward.audit!r}. Leave it "
            "out, and audit the round_N/reward.json that you keep."
        )
    plan = make_plan(config)
    _require_correctable(plan.task.reward, options.method)
    if options.labelled_by == "oracle" and plan.task.success is None:
        raise SpecError(
            f"{plan.task.name} has no success bounds, so that only a person can label its frames. Leave out "
            "labelled_by='oracle', or give the task a table [success]."
        )
    require_start(plan)
    return plan


def _require_correctable(reward: RewardSpec, method: str) -> None:
    """Refuse what no correction can be fitted to, before anybody labels a frame."""
    if reward.cameras is not None:
        raise SpecError(
            f"the reward joins the pictures of {', '.join(reward.cameras.names)}, and corrections are fitted to those "
            "of one camera. Improve a task of one camera."
        )
    if method in TUNERS and reward.views is not None:
        raise SpecError(
            f"{method} tunes an encoder that sees whole frames, and this reward sees crops. Leave out views."
        )


def _usual_name(plan: Plan) -> str:
    return f"improve-{plan.task.name.replace('/', '-').replace(':', '-')}-seed{plan.config.train.seed}"


def _agents(run: Path | None) -> dict[str, Policy]:
    """Those whose episodes are played."""
    if run is None:
        return {RANDOM: random_policy}
    last = acting(load_agent(run))
    return {LAST: last, HALF: half_random(last), RANDOM: random_policy}
