"""A reward spec as a file: read, refused, written, and moved together with what lies beside it."""

import json
from dataclasses import replace

import pytest

from vlmrm import PromptSet, RewardSpec
from vlmrm.errors import PromptError, SpecError
from vlmrm.rewards.spec_files import read_spec_file
from vlmrm.rewards.transforms.uncertainty.posterior import PosteriorOptions

PROMPTS = PromptSet(["a red car", "a car that is red"], "a car")


def spec(**changes):
    return RewardSpec(**{"encoder": "sim-s", "prompts": PROMPTS, "alpha": 0.5} | changes)


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_spec_is_read_from_a_file(tmp_path, suffix):
    path = tmp_path / f"reward{suffix}"
    if suffix == ".json":
        path.write_text(json.dumps(spec().to_dict()))
    else:
        path.write_text(
            'encoder = "sim-s"\nalpha = 0.5\n[prompts]\ngoal = ["a red car", "a car that is red"]\nbaseline = "a car"\n'
        )
    assert RewardSpec.load(path) == spec()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("encoder = ", "neither TOML nor JSON"),
        ('encodr = "sim-s"', "Near: encoder"),
        (
            'name = "pole/up"\nenv_id = "CartPole-v1"\n[reward]',
            "has env_id, and looks like the file of a task.*find_task",
        ),
        ("[camera]\ndistance_m = 3.0\n[reward]", "has reward, and looks like what `vlmrm search camera` writes"),
        ('encoder = "sim-s"\ngoal = "a"', r"goal belongs in the table prompts"),
        ('prompts = { goal = "a car" }', "encoder is missing; the keys of this table are"),
        ('encoder = "sim-s"\n[prompts]\ngaol = "a car"', r"unknown key prompts.gaol. Near: goal"),
        ('encoder = "sim-s"\nhead = "projecton"\nalpha = 0.0\n[prompts]\ngoal = "a car"', "Near: projection"),
    ],
)
def test_a_wrong_file_is_named_with_the_nearest_right_word(tmp_path, text, message):
    path = tmp_path / "reward.toml"
    path.write_text(text)
    with pytest.raises((SpecError, PromptError), match=message):
        RewardSpec.load(path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.toml", "a = " + "[" * 100_000, "nested too deeply"),
        ("a.json", '{"encoder": "sim-s", "alpha": 0.2, "alpha": 0.3}', "the key 'alpha' stands twice"),
        ("a.json", '{"encoder": "sim-s", "alpha": true, "prompts": {"goal": "a", "baseline": "b"}}', "alpha must be"),
        ("a.json", '{"encoder": "sim-s", "alpha": 1e999, "prompts": {"goal": "a", "baseline": "b"}}', "alpha must be"),
    ],
)
def test_a_file_that_a_reader_would_choke_on_or_half_read_is_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(SpecError, match=message):
        RewardSpec.load(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SpecError, match="no reward spec at"):
        RewardSpec.load(tmp_path / "nothing.toml")


def test_a_spec_is_saved_as_json_only(tmp_path):
    with pytest.raises(SpecError, match="a file that ends in"):
        spec().save(tmp_path / "reward.toml")
    spec().save(tmp_path / "reward.json")
    assert RewardSpec.load(tmp_path / "reward.json") == spec()
    assert [path.name for path in tmp_path.iterdir()] == ["reward.json"]


def test_an_uncertainty_file_is_named_relative_to_the_spec_that_is_saved_and_found_from_there(tmp_path):
    options = PosteriorOptions(file=str(tmp_path / "deep" / "a.safetensors"), sha256="0" * 64, fingerprint="f")
    whole = replace(spec(), uncertainty=options)
    whole.save(tmp_path / "reward.json")
    assert json.loads((tmp_path / "reward.json").read_text())["uncertainty"]["file"] == "deep/a.safetensors"
    assert RewardSpec.load(tmp_path / "reward.json") == whole


@pytest.mark.parametrize("suffix", [".json", ".toml"])
def test_paths_in_a_file_are_relative_to_it_wherever_one_reads_it_from(tmp_path, monkeypatch, suffix):
    said = {
        "encoder": "0.5*local-dir:enc + 0.5*ViT-B-32/openai:../w.pt",
        "head": "ensemble",
        "options": {"parts": [{"weight": 1.0, "member": "local-dir:enc"}]},
        "judge": {"model": "local-dir:/judge", "question": "q", "above": 0.5},
        "uncertainty": {"file": "deep/a.safetensors", "sha256": "0" * 64, "fingerprint": "f"},
    }
    (tmp_path / "sub").mkdir()
    path = tmp_path / "sub" / f"reward{suffix}"
    lines = [f"{key} = {_toml(value)}" for key, value in said.items()]
    path.write_text(json.dumps(said) if suffix == ".json" else "\n".join(lines))
    monkeypatch.chdir(tmp_path)
    values = read_spec_file(f"sub/{path.name}")
    assert values["encoder"] == f"0.5*local-dir:{tmp_path}/sub/enc + 0.5*ViT-B-32/openai:{tmp_path}/w.pt"
    assert values["options"]["parts"][0]["member"] == f"local-dir:{tmp_path}/sub/enc"
    assert values["judge"]["model"] == "local-dir:/judge"
    assert values["uncertainty"]["file"] == f"{tmp_path}/sub/deep/a.safetensors"


def _toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(entry)}" for key, entry in value.items()) + " }"
    return "[" + ", ".join(map(_toml, value)) + "]" if isinstance(value, list) else json.dumps(value)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("sim-s", "sim-s"),
        ("ViT-B-32/openai", "ViT-B-32/openai"),
        ("hf-hub:owner/name", "hf-hub:owner/name"),
        ("local-dir:{}/enc", "local-dir:enc"),
        ("hf-image:local-dir:{}/a/b", "hf-image:local-dir:a/b"),
        ("random:local-dir:{}/enc#7", "random:local-dir:enc#7"),
        ("RN50/{}/w.pt", "RN50/w.pt"),
        ("sim-s + local-dir:{}/enc", "sim-s + local-dir:enc"),
        ("local-dir:/elsewhere/enc", "local-dir:/elsewhere/enc"),  # it stays where it is
    ],
)
def test_what_lies_beside_a_saved_reward_moves_with_it(tmp_path, name, written):
    """And the hash is of what the reward says, not of where it lies."""
    made = replace(spec(), encoder=name.format(tmp_path / "made"))
    (tmp_path / "made").mkdir()
    made.save(tmp_path / "made" / "reward.json")
    assert json.loads((tmp_path / "made" / "reward.json").read_text())["encoder"] == written
    assert RewardSpec.load(tmp_path / "made" / "reward.json") == made
    (tmp_path / "made").rename(tmp_path / "moved")
    moved = RewardSpec.load(tmp_path / "moved" / "reward.json")
    assert moved.encoder == name.format(tmp_path / "moved")
    assert moved.hash() == made.hash()


def test_a_file_that_holds_no_table_is_refused(tmp_path):
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(SpecError, match="must hold a table of keys; got list"):
        RewardSpec.load(tmp_path / "list.json")
