import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import vlmrm
from tests.cli.refusals import refused
from tests.conftest import ROOT
from tests.encoders.models import SIGLIP_LIKE, write_model
from vlmrm.cli import main
from vlmrm.cli.entry import _SAID, COMMANDS
from vlmrm.encoders.registry import FAMILIES
from vlmrm.tasks import all_tasks


def test_tasks_are_listed_with_their_sentences_and_their_success_test(capsys):
    assert main(["tasks"]) == 0
    out = capsys.readouterr().out
    assert "cartpole/upright" in out
    assert "pole vertically upright on top of the cart" in out
    assert "angle_deg in -12..12" in out
    assert "camera lookat_m (0.0, 0.0, 1.0), distance_m 3.5, azimuth_deg 180, elevation_deg -10; quality fast" in out
    assert "SAC, 10,000,000 steps; small: SAC, 300,000 steps" in out
    assert main(["tasks", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {task["name"] for task in listed} == set(all_tasks())


def test_some_tasks_are_listed_by_name_and_unknown_ones_are_refused(capsys):
    assert main(["tasks", "pendulum/upright", "cartpole/upright"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line and line[0] != " "] == ["pendulum/upright", "cartpole/upright"]
    assert main(["tasks", "humanoid/kneeling", "--json"]) == 0
    assert [task["name"] for task in json.loads(capsys.readouterr().out)] == ["humanoid/kneeling"]
    assert main(["tasks", "humanoid", "reacher/top", "--json"]) == 0
    names = [task["name"] for task in json.loads(capsys.readouterr().out)]
    assert names[-1] == "reacher/top"
    assert len(names) == 9
    assert all(name.startswith("humanoid/") for name in names[:-1])
    assert "Near: humanoid/kneeling" in refused(capsys, "tasks", "pendulum/upright", "humanoid/kneling")


def test_models_are_listed_with_what_they_know_and_how_to_name_others(capsys, tmp_path, monkeypatch):
    from tests.encoders.models import write_card

    folder = write_card(write_model(tmp_path / "sim-toy", SIGLIP_LIKE), ["red", "car"])
    monkeypatch.setattr("vlmrm.encoders.cards.BUILTIN_FOLDER", folder.parent)
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    for text in ("sim-toy", "32 px", "knows red things", "ViT-L-14/openai", "local-dir:FOLDER"):
        assert text in out
    assert main(["models", "--json"]) == 0
    (card,) = json.loads(capsys.readouterr().out)
    assert card["words"] == ["car", "red"]


def test_a_model_that_is_named_is_printed_with_its_words_by_scene(capsys):
    assert main(["models", "sim-s"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "sim-xs" not in out
    assert " flag " in out.split("words of sentences about MountainCar")[1].split("words of sentences about")[0]
    assert " flag " not in out.split("words of sentences about Pendulum")[1].split("words of sentences about")[0]
    assert main(["models", "sim-s", "--json"]) == 0
    (card,) = json.loads(capsys.readouterr().out)
    assert "flag" in card["words_by_scene"]["MountainCar (vlmrm's own drawing)"]
    assert "there is no built-in model 'sim-l'. Near: sim-" in refused(capsys, "models", "sim-l")


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"vlmrm {vlmrm.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["train", "--help"], ["score", "--help"]])
def test_help_is_printed(arguments, capsys):
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert done.value.code == 0
    out = capsys.readouterr().out
    assert "usage: vlmrm" in out
    assert "(default: None)" not in out


def test_every_option_of_train_is_explained(capsys):
    from tests.training.toy_runs import GROUPS

    with pytest.raises(SystemExit):
        main(["train", "--help"])
    out = capsys.readouterr().out
    for group, (kind, names) in GROUPS.items():
        assert f"{group} options" in out
        flags = [name for name in kind.__dataclass_fields__ if name not in names.values()] + list(names)
        for flag in flags:
            assert re.search(rf"--(reward\.)?{flag.replace('_', '-')}\b", out), flag


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_shows_its_examples_line_by_line(name, capsys):
    with pytest.raises(SystemExit):
        main([name, "--help"])
    shown = capsys.readouterr().out.splitlines()
    examples = [line.strip() for line in _SAID[name][0].__doc__.splitlines() if line.strip().startswith("vlmrm ")]
    lines = [line.strip() for line in shown if line.startswith("    vlmrm ")]
    assert len(lines) == len(examples)
    assert all(example.startswith(line) for example, line in zip(examples, lines, strict=True))  # old tyro breaks lines


@pytest.mark.parametrize("asked", ["--version", "--help"])
def test_help_does_not_wait_for_torch(asked):
    code = f"""if True:
        import sys
        from vlmrm.cli import main
        try:
            main([{asked!r}])
        except SystemExit:
            pass
        assert "torch" not in sys.modules
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_module_runs_as_the_command_does():
    done = subprocess.run(
        [sys.executable, "-m", "vlmrm", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
    )
    assert done.stdout == f"vlmrm {vlmrm.__version__}\n"


def test_every_family_of_encoders_is_named_by_models(capsys):
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{family}:" in printed for family in FAMILIES)


def command(*arguments, **environment):
    """A process of its own, as a shell starts it."""
    command = [sys.executable, "-m", "vlmrm", *arguments]
    return {"args": command, "stderr": subprocess.PIPE, "cwd": ROOT, "env": os.environ | environment}


@pytest.mark.parametrize("arguments", [["tasks"], ["train", "--help"]])
def test_a_pipe_that_nobody_reads_any_more_ends_the_command_without_a_traceback(arguments):
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(**command(*arguments), stdout=write)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_terminal_without_other_characters_shows_their_numbers():
    done = subprocess.run(**command("tasks", PYTHONIOENCODING="ascii"), stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b'--goal "\\u2026"' in done.stdout


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_no_color_is_heeded_on_a_terminal(no_color, coloured):
    import pty

    ours, theirs = pty.openpty()
    try:
        done = subprocess.Popen(**command("tasks", "--help", NO_COLOR=no_color, TERM="xterm"), stdout=theirs)
        os.close(theirs)
        text = b""
        while b"--json" not in text:
            text += os.read(ours, 4096)
        done.communicate()
    finally:
        os.close(ours)
    assert (b"\x1b[" in text) == coloured


@pytest.mark.parametrize("option", [["--offset", "0.5"], ["--train.offset=0.5"]])
def test_an_offset_of_a_training_is_refused_with_the_scaling_to_write(capsys, option):
    assert main(["train", "pendulum/upright", *option]) == 2
    assert "--reward.scaling 'subtract = 0.5' for an offset of 0.5" in " ".join(capsys.readouterr().err.split())


def test_a_mistyped_command_gets_the_nearest(capsys):
    assert main(["trian"]) == 2
    assert "there is no command 'trian'. Near: train" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out
    assert all(f" {command} " in listed for command in COMMANDS)
