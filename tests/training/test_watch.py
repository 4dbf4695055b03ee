"""A run says while it trains that its reward rises and its success does not."""

import io
import json
import logging

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.training.toy_runs import break_down, lamp_config, lamp_reward
from vlmrm.errors import RunError
from vlmrm.training import load_agent, resume, train
from vlmrm.training.episodes import Evaluation
from vlmrm.training.evaluation import Measures
from vlmrm.training.progress import Progress
from vlmrm.training.rollout_stats import RolloutStats
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run.metrics import MetricsRow
from vlmrm.training.run_videos import films_of
from vlmrm.training.watch import PartingWatch, partings_of, read_announced

SAID = "text reward up by 0.4, success down by 0.20 over steps 50 to 250: look at parting-250.mp4\n"


def rows_like(rewards, success):
    """Rows of which every fourth was evaluated."""
    return [
        MetricsRow(
            step=10 * i, time_s=0.0, train_vlm_reward=reward, eval_success=success[i // 4] if i % 4 == 0 else None
        )
        for i, reward in enumerate(rewards)
    ]


@pytest.fixture
def measured(monkeypatch):
    """Let a run measure what is wanted: functions of the step."""

    def arrange(reward, success):
        def evaluation(self):
            step = self._parts.agent.num_timesteps
            return Evaluation(episodes=4, success=success(step), env_return=1.0, vlm_reward=None, steps=10.0)

        def means(self):
            self.calls = getattr(self, "calls", 0) + 1
            return {"train_vlm_reward": reward(self.calls - 1)} if self.calls > 1 else {}

        monkeypatch.setattr(Measures, "evaluate", evaluation)
        monkeypatch.setattr(RolloutStats, "means", means)

    return arrange


def trained(folder, steps=300, **changes):
    """Train the lamp with a row at each evaluation; what was told."""
    out = io.StringIO()
    config = lamp_config(folder, steps=steps, eval_drawn=0, hyperparameters={"train_freq": 50}, **changes)
    train(config, reward=lamp_reward(), progress=Progress(out))
    return out.getvalue()


def texts(run):
    """What TensorBoard shows under the name of the watch."""
    found = EventAccumulator(str(run / "tensorboard"))
    found.Reload()
    tag = "watch/parting/text_summary"
    return (
        [one.tensor_proto.string_val[0].decode() for one in found.Tensors(tag)]
        if tag in found.Tags()["tensors"]
        else []
    )


def test_a_parting_is_announced_once_on_the_terminal_in_tensorboard_and_as_a_video(measured, tmp_path):
    """Reward rises by 0.1 an evaluation, of which the first knows none; success falls by 0.05."""
    measured(reward=lambda row: 0.1 * row, success=lambda step: 0.5 - step / 1000)
    told = trained(tmp_path, videos=True, tensorboard=True)
    run = tmp_path / "run"
    assert told.count(SAID) == told.count("text reward up") == 1
    assert texts(run) == [SAID.strip()]
    (announced,) = read_announced(RunDirectory(run))
    assert announced.video == "parting-250.mp4"
    assert (run / "parting-250.mp4").stat().st_size > 1000
    assert json.loads((run / "summary.json").read_text())["files"]["partings"].endswith("partings.json")
    (usual, parting) = films_of(RunDirectory(run))
    assert [label for label, _ in usual] == ["Before: random actions", "After: the trained agent"]
    assert [label for label, _ in parting] == ["Step 250: what the agent was paid for"]


def test_reward_and_success_that_rise_together_are_no_parting(measured, tmp_path):
    measured(reward=lambda row: 0.1 * row, success=lambda step: step / 300)
    told = trained(tmp_path, tensorboard=True)
    assert "text reward up" not in told
    assert texts(tmp_path / "run") == []
    assert not list((tmp_path / "run").glob("parting*"))


def test_a_resumed_run_does_not_announce_the_same_parting_again(measured, tmp_path, crash_at):
    measured(reward=lambda row: 0.1 * row, success=lambda step: 0.5)
    crash_at(277, break_down)
    with pytest.raises(ConnectionError):
        trained(tmp_path)
    run, out = RunDirectory(tmp_path / "run"), io.StringIO()
    (announced,) = read_announced(run)
    assert announced.video is None  # the run makes no videos
    resume(run.path, reward=lamp_reward(), progress=Progress(out))
    assert "going on from step 250" in out.getvalue()
    assert "text reward up" not in out.getvalue()
    assert read_announced(run) == [announced]


def test_watching_does_not_change_the_training(measured, tmp_path):
    for name, falls in (("run", 0.001), ("other", 0.0)):
        measured(reward=lambda row: 0.1 * row, success=lambda step, falls=falls: 0.5 - falls * step)
        trained(tmp_path, videos=falls > 0, out=tmp_path / name)
    ours, theirs = (load_agent(tmp_path / name).policy.parameters() for name in ("run", "other"))
    assert all(one.equal(other) for one, other in zip(ours, theirs, strict=True))


def test_a_video_that_cannot_be_made_does_not_end_a_training(measured, tmp_path, monkeypatch, caplog):
    measured(reward=lambda row: 0.1 * row, success=lambda step: 0.5)

    def fail(self, path):
        raise RuntimeError("no context")

    monkeypatch.setattr(Measures, "_record_parting", fail)
    with caplog.at_level(logging.WARNING):
        told = trained(tmp_path)
    assert f"success the same over steps 50 to 250: look at what the agent does: vlmrm play {tmp_path / 'run'}" in told
    assert "parting-250.mp4 could not be recorded: no context" in caplog.text


def test_three_partings_have_a_video_and_a_fourth_is_only_told(tmp_path):
    """Each rises for five evaluations, falls back at once, and stays for two."""
    run, told = RunDirectory.create(tmp_path / "run"), []
    watch = PartingWatch(run, lambda path: path.write_bytes(b"a video") and None)
    for number in range(4):
        for i, reward in enumerate([0.0, 0.25, 0.5, 0.75, 1.0, 0.5, 0.0, 0.0, 0.0]):
            run.metrics.add(MetricsRow(step=9 * number + i, time_s=0.0, train_vlm_reward=reward, eval_success=0.3))
            told.append(watch.look())
    said = [one for one in told if one is not None]
    assert len(said) == 4
    assert {one.rpartition(" ")[2] for one in said[:3]} == {path.name for path in run.path.glob("parting-*.mp4")}
    assert "vlmrm play" in said[3]


def test_noise_does_not_part():
    """Where noise had no say, 98 of 100 such runs were said to part."""
    random = np.random.default_rng(0)
    parted = [bool(partings_of(rows_like(random.normal(size=80), [0.0] * 20))) for _ in range(40)]
    assert sum(parted) <= 4
    rises = [random.normal(size=80) / 10 + np.linspace(0, 1, 80) for _ in range(40)]
    assert all(partings_of(rows_like(rewards, [0.0] * 20)) for rewards in rises)


def test_without_a_success_rule_or_a_text_reward_there_is_nothing_to_watch():
    rows = [MetricsRow(step=i, time_s=0.0, train_vlm_reward=i / 10) for i in range(10)]
    assert partings_of(rows) == []
    assert partings_of([MetricsRow(step=i, time_s=0.0, eval_success=0.1) for i in range(10)]) == []


def test_a_damaged_note_is_named(tmp_path):
    run = RunDirectory.create(tmp_path / "run")
    run.partings.write_text('[{"video": null}]')
    with pytest.raises(RunError, match=r"partings\.json is damaged.*Delete it"):
        read_announced(run)
