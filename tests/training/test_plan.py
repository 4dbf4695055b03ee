"""What a configuration is taken to mean."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from tests.training.toy_runs import TASK, configure, lamp_config
from vlmrm import RewardSpec
from vlmrm.errors import FrameError, PromptError, SpecError, UnknownTask
from vlmrm.tables import write_table
from vlmrm.training.config import TrainConfig
from vlmrm.training.options import EnvOptions, toml_table
from vlmrm.training.plan import Plan, comparison_config, make_plan

CARTPOLE = {"env": "CartPole-v1", "goal": ("a pole",), "baseline": ("a cart",)}
OWN = {"reward": "env", "goal": (), "baseline": ()}


def plan(**changes):
    return make_plan(configure(**CARTPOLE | changes))


def test_a_task_brings_its_settings_and_options_override_them(tmp_path):
    made = make_plan(lamp_config(tmp_path, steps=70, hyperparameters={"batch_size": 4}))
    assert made.config.train.steps == 70
    assert made.config.evaluation.every == 50
    assert made.config.train.hyperparameters["batch_size"] == 4
    assert made.config.train.hyperparameters["train_freq"] == 10
    assert made.config.env.episode_steps == 10
    assert made.spec.alpha == 0.0


def test_a_tasks_hyperparameters_belong_to_its_algorithm(tmp_path):
    made = make_plan(lamp_config(tmp_path, algorithm="PPO", steps=2048))
    assert made.config.train.hyperparameters == {}


def test_an_installed_task_is_found_by_name():
    made = make_plan(configure(task="cartpole/upright"))
    assert made.spec.prompts.goal == ("pole vertically upright on top of the cart",)
    assert (made.spec.encoder, made.spec.alpha) == ("sim-s", 0.5)
    assert made.algorithm.name == "DQN"


def test_a_task_names_its_encoder_and_an_option_overrides_it():
    pytest.importorskip("mujoco")
    usual, other = (make_plan(configure(task="hopper/stand", encoder=name)) for name in (None, "random:sim-s"))
    assert usual.spec.encoder == "sim-m"
    assert "sim-m" in usual.out.name
    assert other.spec.encoder == "random:sim-s"


def test_a_reward_file_says_all_about_the_reward_and_the_task_the_rest(tmp_path):
    path = tmp_path / "reward.toml"
    path.write_text(
        'encoder = "random:sim-s"\nhead = "softmax"\noptions = { temperature = 0.1 }\n'
        '[prompts]\ngoal = "a pole up"\nnegatives = "a pole down"\n'
    )
    made = make_plan(configure(task="cartpole/upright", reward=str(path)))
    assert made.spec == replace(RewardSpec.load(path), render_quality=made.task.render_quality)
    assert made.task.reward == made.spec
    assert made.task.success == make_plan(configure(task="cartpole/upright")).task.success
    path.unlink()  # a run goes on without the file
    assert Plan.from_dict(json.loads(json.dumps(made.to_dict())), made.out).spec == made.spec


def test_a_reward_file_needs_no_goal_beside_it(tmp_path):
    path = tmp_path / "reward.json"
    path.write_text(json.dumps({"encoder": "sim-s", "alpha": 0, "prompts": {"goal": "a pole up"}}))
    assert make_plan(configure(env="CartPole-v1", reward=str(path))).spec.prompts.goal == ("a pole up",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reward": "txt"}, "reward must be text, env, or a .toml or .json file; got 'txt'"),
        ({"reward": "nowhere.toml"}, "no reward spec at nowhere.toml"),
        ({"reward": "a.toml", "alpha": 0.0}, "a.toml has its own alpha; leave out --reward.alpha"),
        ({"reward": "a.toml", "goal": ("a pole",)}, "a.toml has its own goal"),
    ],
)
def test_a_reward_that_is_none_or_is_said_twice_is_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        make_plan(configure(task="cartpole/upright", **changes))


def test_an_option_overrides_its_key_of_the_tasks_reward_and_nothing_else():
    usual = make_plan(configure(task="cartpole/upright")).spec
    assert make_plan(configure(task="cartpole/upright", alpha=0.3)).spec == replace(usual, alpha=0.3)
    changes = {"head": "contrast", "negatives": ("a pole lying down",), "scaling": {"divide": 0.1}}
    made = make_plan(configure(task="cartpole/upright", **changes)).spec
    assert made.prompts == replace(usual.prompts, negatives=("a pole lying down",))
    expected = {"head": "contrast", "prompts": write_table(made.prompts), "scaling": {"divide": 0.1}}
    assert made == RewardSpec.from_dict(usual.to_dict() | expected)


def test_a_threshold_or_another_head_is_not_asked_after_the_tasks_own_scale():
    usual = make_plan(configure(task="cartpole/upright")).spec
    assert usual.scaling is not None
    made = make_plan(configure(task="cartpole/upright", threshold=0.7)).spec
    assert made == replace(usual, scaling=None, threshold=0.7)
    head = {"head": "softmax", "negatives": ("a pole lying down",)}
    assert make_plan(configure(task="cartpole/upright", **head)).spec.scaling is None
    said = make_plan(configure(task="cartpole/upright", threshold=0.7, scaling={"subtract": 0.1})).spec
    assert (said.scaling.subtract, said.threshold) == (0.1, 0.7)


def test_one_sentence_in_a_file_is_one_sentence():
    read = TrainConfig.from_dict({"task": "cartpole/upright", "reward": {"goal": "a pole"}})
    assert read.reward.goal == ("a pole",)


def test_another_head_than_the_tasks_drops_its_options(tmp_path):
    task = tmp_path / "soft.toml"
    table = 'reward = { head = "softmax", options = { temperature = 0.3 }, prompts = { goal = "a", negatives = "b" } }'
    task.write_text(f'name = "soft"\ndescription = ""\nenv_id = "CartPole-v1"\n{table}\n')
    assert make_plan(configure(task=str(task))).spec.head == "softmax"
    contrast = make_plan(configure(task=str(task), head="contrast")).spec
    assert contrast == RewardSpec(encoder="sim-s", head="contrast", prompts=contrast.prompts)


def test_a_run_that_an_earlier_version_began_is_refused_with_the_scaling_that_its_offset_is_now(tmp_path):
    spec = {"encoder": "sim-s", "prompts": {"goal": "a"}, "scaling": {"divide": 0.5, "highest": 1.0}}
    former = {"train": {"task": "a/b", "steps": 10, "offset": 0.6}, "spec": spec, "task": {}}
    with pytest.raises(
        SpecError, match=r"Begin a new one; its offset of 0\.6 is this table now:[\s\S]*subtract = 0\.3"
    ):
        Plan.from_dict(former, tmp_path)
    with pytest.raises(SpecError, match="cannot be had beside threshold"):
        Plan.from_dict(former | {"spec": spec | {"threshold": 0.5}}, tmp_path)
    with pytest.raises(SpecError, match="Begin a new run"):
        Plan.from_dict({"train": {"steps": 10, "offset": 0.0}, "spec": spec, "task": {}}, tmp_path)


def test_other_sentences_leave_the_success_test_alone():
    usual = make_plan(configure(task="cartpole/upright"))
    wrong = make_plan(configure(task="cartpole/upright", goal=("a bowl of soup",)))
    assert wrong.spec.prompts.goal == ("a bowl of soup",)
    assert wrong.spec.prompts.baseline == usual.spec.prompts.baseline
    assert wrong.task.success == usual.task.success


@pytest.mark.parametrize("steps", [50, 100, 300])
def test_a_rule_about_the_whole_episode_asks_for_the_same_share_of_a_longer_or_a_shorter_one(steps):
    """Else the first steps of a longer episode would not be judged, or 50 of 1,000 would be half of them."""
    for name, share in (("cartpole/upright", 0.9), ("humanoid/kneeling", 0.5)):
        rule = make_plan(configure(task=name, episode_steps=steps)).task.success
        assert (rule.within_last, rule.at_least) == (steps, share * steps)


def test_a_rule_about_the_end_of_an_episode_stays_as_it_is():
    rule = make_plan(configure(task="pendulum/upright", episode_steps=300)).task.success
    assert (rule.within_last, rule.at_least) == (50, 50)


def test_an_episode_too_short_to_succeed_in_is_refused():
    with pytest.raises(SpecError, match="episode_steps of at least 50"):
        make_plan(configure(task="pendulum/upright", episode_steps=40))


def test_small_settings_replace_the_usual_ones():
    usual, small = (make_plan(configure(task="humanoid/kneeling", small=small)).config.train for small in (False, True))
    assert usual.steps == 10_000_000
    assert small.steps == 300_000
    assert (usual.hyperparameters["learning_starts"], small.hyperparameters["learning_starts"]) == (50_000, 10_000)
    with pytest.raises(SpecError, match="small already"):
        make_plan(configure(task="cartpole/upright", small=True))
    with pytest.raises(SpecError, match="belong to a task"):
        plan(small=True)


def test_the_spec_records_what_pictures_are_drawn_with():
    assert make_plan(configure(task="humanoid/kneeling")).spec.render_quality == "fast"
    made = make_plan(configure(task="humanoid/kneeling", render_quality="full", camera={"name": "track"}))
    assert made.spec.render_quality == "full"
    assert made.task.camera.to_dict() == {"name": "track"}
    assert Plan.from_dict(json.loads(json.dumps(made.to_dict())), made.out).task.camera == made.task.camera
    assert make_plan(configure(task="cartpole/upright")).spec.render_quality is None


def test_any_environment_works_without_a_task_file():
    made = plan(steps=1000)
    assert made.algorithm.name == "DQN"
    assert made.task.env_id == "CartPole-v1"
    assert made.task.success is None
    assert (made.config.evaluation.every, made.config.env.episode_steps) == (50, 500)
    assert plan(env="Pendulum-v1").algorithm.name == "SAC"
    assert plan(env="CartPole-v1", algorithm="PPO").algorithm.name == "PPO"


def test_without_a_baseline_there_is_nothing_to_project_on():
    assert plan(baseline=()).spec.alpha == 0.0
    with pytest.raises(SpecError, match="no baseline was given"):
        plan(baseline=(), alpha=0.5)


def test_the_environments_own_reward_needs_no_encoder():
    assert plan(**OWN).spec is None
    with pytest.raises(SpecError, match=r"reward.encoder has no effect. Leave one of them out"):
        plan(**OWN, encoder="there is no such model")
    with pytest.raises(SpecError, match="compare_env_reward"):
        plan(**OWN, compare_env_reward=True)


def test_the_environments_own_reward_needs_no_sentence():
    assert plan(**OWN).spec is None


def test_a_comparison_drops_what_belongs_to_the_text_reward(tmp_path):
    """It once failed after the whole run on text, and again on each resume: an added reward, a baseline of a file."""
    path = tmp_path / "reward.toml"
    path.write_text('encoder = "sim-s"\nalpha = 0.5\n[prompts]\ngoal = "a pole up"\nbaseline = "a pole"\n')
    for made in (
        plan(env_weight=0.5, compare_env_reward=True),
        plan(goal=(), baseline=(), reward=str(path), compare_env_reward=True),
    ):
        compared = make_plan(comparison_config(made.config, tmp_path / "own"))
        assert (compared.spec, compared.config.reward.env_weight) == (None, 0.0)
        assert (compared.config.train.steps, compared.algorithm) == (made.config.train.steps, made.algorithm)


def test_a_comparison_that_cannot_work_is_refused_before_the_run(monkeypatch):
    def refuse(config, folder):
        return replace(config, env=EnvOptions(id="CartPol-v1"))

    monkeypatch.setattr("vlmrm.training.plan.comparison_config", refuse)
    with pytest.raises(SpecError, match="Near: CartPole-v1"):
        plan(compare_env_reward=True)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"env": None}, SpecError, "got neither"),
        ({"task": "cartpole/upright"}, SpecError, "got both"),
        ({"env": None, "task": "cartpole/uprigt"}, UnknownTask, "Near: cartpole/upright"),
        ({"env": None, "task": "nowhere.toml"}, SpecError, "not a task file"),
        ({"env": "CartPol-v1"}, SpecError, "Near: CartPole-v1"),
        ({"goal": ()}, PromptError, "no goal"),
        ({"goal": ("a cart",)}, PromptError, "share a sentence"),
        ({"goal": ("",)}, PromptError, "empty"),
        ({"alpha": 1.5}, SpecError, "0 to 1"),
        ({"seed": -1}, SpecError, "seed must be a whole number of at least 0; got -1"),
        ({"env_weight": float("nan")}, SpecError, "env_weight must be a number; got nan"),
        ({"hyperparameters": {"policy_kwargs": {"x": object}}}, SpecError, "policy_kwargs.x is kept as JSON"),
        ({"algorithm": "DQM"}, SpecError, "unknown algorithm"),
        ({"algorithm": "SAC"}, SpecError, "needs actions of kind Box"),
        ({"env_kwargs": {"colour": "red"}}, SpecError, "cannot be made with"),
        ({"camera": {"track": "torso", "distance_m": 2.0}}, FrameError, "no MuJoCo environment"),
        ({"env": "Hopper-v5", "camera": {"name": "trak"}}, SpecError, "Near: track"),
        ({"env": "Hopper-v5", **OWN, "camera": {"name": "trak"}}, SpecError, "Near: track"),
        (
            {"env": "Hopper-v5", **OWN, "camera": {"track": "torsoo", "distance_m": 2.0}},
            SpecError,
            "Near: torso",
        ),
        ({"env": "Ant-v5", "env_kwargs": {"camera_name": "nope"}}, SpecError, "no camera 'nope'. It has: track"),
        (
            {"env": "Ant-v5", "env_kwargs": {"default_camera_config": {"distance": 2.0}, "camera_id": 0}},
            FrameError,
            "is ignored",
        ),
        ({"camera": {"nam": "track"}}, SpecError, "Near: name"),
        ({"env": "Blackjack-v1", "env_kwargs": {}}, SpecError, "observations of kind"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_loaded(changes, error, message):
    with pytest.raises(error, match=message):
        plan(**changes)


def test_a_plan_survives_json(tmp_path):
    made = make_plan(lamp_config(tmp_path))
    again = Plan.from_dict(json.loads(json.dumps(made.to_dict())), made.out)
    assert again.task.success == made.task.success
    assert json.dumps(again.to_dict()) == json.dumps(made.to_dict())
    with pytest.raises(SpecError, match="no training configuration"):
        Plan.from_dict({"config": {}}, tmp_path)


def test_a_new_run_gets_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    now = datetime(2030, 1, 31, 9, 5, 0)
    first = make_plan(configure(**CARTPOLE), now=now).out
    assert first == Path("runs/CartPole-v1-sim-s-seed0-20300131-090500")
    first.mkdir(parents=True)
    assert make_plan(configure(**CARTPOLE), now=now).out == Path(f"{first}-2")
    assert plan(out=Path("mine")).out == Path("mine")


def test_tables_are_written_as_toml(tmp_path):
    assert toml_table('gamma = 0.9, policy_kwargs = {net_arch = [64, 64]}, unit = "step"') == {
        "gamma": 0.9,
        "policy_kwargs": {"net_arch": [64, 64]},
        "unit": "step",
    }
    file = tmp_path / "settings.toml"
    file.write_text("gamma = 0.9\n[policy_kwargs]\nnet_arch = [8]\n")
    assert toml_table(str(file)) == {"gamma": 0.9, "policy_kwargs": {"net_arch": [8]}}
    for wrong in ("gamma", "gamma = ", str(tmp_path / "nowhere.toml")):
        with pytest.raises(ValueError, match="is not TOML"):
            toml_table(wrong)


def test_wrappers_of_the_command_line_come_after_the_tasks_and_are_kept(tmp_path):
    path = tmp_path / "lamp.toml"
    path.write_text(f'wrappers = "gymnasium.wrappers:RecordEpisodeStatistics"\n{TASK}')
    made = make_plan(lamp_config(tmp_path, wrapper=("gymnasium.wrappers:FlattenObservation",)))
    both = ("gymnasium.wrappers:RecordEpisodeStatistics", "gymnasium.wrappers:FlattenObservation")
    assert made.task.wrappers == both
    assert Plan.from_dict(json.loads(json.dumps(made.to_dict())), made.out).task.wrappers == both


def test_a_number_that_config_json_cannot_hold_is_refused_with_its_path():
    with pytest.raises(SpecError, match=r"config\.train\.hyperparameters\.max_grad_norm must be a finite number"):
        plan(algorithm="PPO", hyperparameters={"max_grad_norm": float("inf")})
