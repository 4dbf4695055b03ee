"""The agent of a run at work."""

import pytest

from tests.training.toy_runs import LENGTH, lamp_config, lamp_reward
from vlmrm.cli import main
from vlmrm.training import train
from vlmrm.training.playing import play_run, watch_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("played")
    train(lamp_config(folder), reward=lamp_reward())
    return folder / "run"


def test_an_episode_of_a_run_is_a_video_and_a_line(run, capsys):
    assert main(["play", str(run), "--seed", "3"]) == 0
    said = capsys.readouterr().out
    assert f"seed 3: {LENGTH} steps, " in said
    assert (run / "play-3.mp4").stat().st_size > 0
    played = play_run(run, seed=3, out=run / "again.mp4")
    assert (played.steps, played.seed) == (LENGTH, 3)
    assert f"{played.in_goal} of them in the goal; the environment's own return is {played.env_return:g}\n" in said


def test_a_window_shows_the_episode(tmp_path, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    own = {"task": None, "env": "CartPole-v1", "reward": "env", "steps": 40, "episode_steps": 12}
    train(lamp_config(tmp_path, **own))
    watched = watch_run(tmp_path / "run", best=False)
    assert (watched.video, watched.in_goal) == (None, None)
    assert watched.env_return == watched.steps <= 12
