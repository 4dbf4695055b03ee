import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.refusals import refused
from vlmrm import fitting
from vlmrm.cli import main
from vlmrm.errors import OutOfDomainWarning
from vlmrm.rewards import RewardModel, RewardSpec


def test_a_reward_is_fitted_on_pictures_and_scored_from_its_file(spec, pictures, tmp_path, capsys):
    first, second, *_ = sorted(pictures.iterdir())
    out = tmp_path / "fitted.json"
    assert main(["fit", str(spec), "--success", str(first), "--failure", str(second), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert [line.split()[:2] for line in printed.splitlines()[1:3]] == [["success", "1"], ["failure", "1"]]
    frames = np.stack([np.asarray(Image.open(path)) for path in (first, second)])
    fitted = fitting.fit(RewardModel.from_spec(spec, device="cpu"), frames, [1, 0])
    assert RewardSpec.load(out) == fitted.spec
    assert main(["score", str(out), str(first), "--json"]) == 0
    scored = json.loads(capsys.readouterr().out)["frames"][0]["rewards"]
    assert set(scored) == {"score"}
    assert scored["score"] == pytest.approx(float(fitted.score(frames[0])), abs=1e-6)

    scaled = tmp_path / "scaled.json"
    assert main(["fit", str(spec), "--scale-on", str(pictures), "--out", str(scaled)]) == 0
    assert "scale_on" in capsys.readouterr().out
    assert set(json.loads(scaled.read_text())["scaling"]) == {"subtract", "divide"}

    again = ["--negatives", str(pictures), "--false-positives", "0", "--out", str(out), "--force"]
    assert main(["fit", str(out), *again]) == 0
    assert "threshold" in capsys.readouterr().out
    binary = RewardSpec.load(out)
    assert binary.few_shot == fitted.spec.few_shot
    assert not RewardModel.from_spec(binary, device="cpu").score(frames).any()


def test_how_unsure_a_reward_is_is_kept_beside_it_and_printed(pictures, tmp_path, capsys):
    out = tmp_path / "reward.json"
    fit = ["fit", "cartpole/upright", "--uncertainty-on", str(pictures), "--kappa", "1.5", "--out", str(out)]
    with pytest.warns(OutOfDomainWarning):
        assert main(fit) == 0
    assert {path.name for path in tmp_path.iterdir()} >= {"reward.json", "reward.safetensors"}
    assert RewardSpec.load(out).uncertainty.kappa == 1.5
    capsys.readouterr()
    with pytest.warns(OutOfDomainWarning, match="3 of the last 3 frames"):
        assert main(["score", str(out), str(pictures)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["frame", "score", "std"]


@pytest.mark.parametrize(
    ("option", "partner"), [(("--kappa", "0.5"), "--uncertainty-on"), (("--false-positives", "0.1"), "--negatives")]
)
def test_an_option_that_would_change_nothing_is_refused(option, partner, spec, pictures, tmp_path, capsys):
    given = ["fit", spec, "--scale-on", pictures, *option, "--out", tmp_path / "r.json"]
    assert f"{option[0]} has no effect without {partner}" in refused(capsys, *given)


def test_a_reward_that_pays_for_what_it_does_not_know_is_refused(spec, pictures, tmp_path, capsys):
    given = ["fit", spec, "--uncertainty-on", pictures, "--kappa=-1", "--out", tmp_path / "r.json"]
    assert "kappa must be at least 0" in refused(capsys, *given)


def test_what_belonged_to_other_scores_is_named_and_no_file_is_written_over(pictures, tmp_path, capsys):
    out = tmp_path / "reward.json"
    fit = ["fit", "cartpole/upright", "--uncertainty-on", str(pictures), "--out", str(out)]
    (tmp_path / "reward.safetensors").write_text("kept")
    assert "reward.safetensors exists already" in refused(capsys, *fit)
    assert (tmp_path / "reward.safetensors").read_text() == "kept"
    with pytest.warns(OutOfDomainWarning):
        assert main([*fit, "--force"]) == 0
    assert "left out, since they were chosen for other scores: scaling\n" in capsys.readouterr().out


def test_a_tuned_encoder_lies_beside_the_reward_that_names_it(spec, pictures, tmp_path, monkeypatch, capsys):
    first, second, *_ = sorted(pictures.iterdir())
    fit = ["fit", str(spec), "--success", str(first), "--failure", str(second), "--method", "svd"]
    monkeypatch.chdir(tmp_path)
    assert main([*fit, "--out", "tuned.json"]) == 0
    assert RewardSpec.load("tuned.json").encoder == f"local-dir:{tmp_path / 'tuned-encoder'}"
    assert json.loads((tmp_path / "tuned.json").read_text())["encoder"] == "local-dir:tuned-encoder"  # both may move
    capsys.readouterr()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["score", "../tuned.json", str(first), str(second), "--json"]) == 0
    better, worse = (row["rewards"]["0.5"] for row in json.loads(capsys.readouterr().out)["frames"])
    assert better > worse
    assert "exists already" in refused(capsys, *fit, "--out", "../tuned.json")
    (tmp_path / "tuned.json").unlink()
    assert "tuned-encoder exists already" in refused(capsys, *fit, "--out", "../tuned.json")
    before = (tmp_path / "tuned-encoder" / "tuning.json").stat().st_mtime_ns
    assert "the same label" in refused(capsys, *fit[:4], "--method", "svd", "--out", "../tuned.json", "--force")
    assert (tmp_path / "tuned-encoder" / "tuning.json").stat().st_mtime_ns == before  # still there
    assert main([*fit, "--out", "../tuned.json", "--force"]) == 0
    capsys.readouterr()
    assert (tmp_path / "tuned-encoder" / "tuning.json").stat().st_mtime_ns > before
    again = ["fit", "../tuned.json", *fit[2:], "--out", "../tuned.json", "--force"]
    assert "take the place of the encoder that is tuned" in refused(capsys, *again)
    assert {path.name for path in tmp_path.iterdir() if "encoder" in path.name} == {"tuned-encoder"}


def test_fitting_refuses_what_it_cannot_do(spec, pictures, tmp_path, capsys):
    picture, there = str(next(pictures.iterdir())), tmp_path / "there.json"
    there.write_text("{}")
    for arguments, message in (
        ([spec], "give frames: --success and --failure to fit"),
        (["--success", picture], "give a reward"),
        ([spec, "--success", picture, "--method", "knn"], "unknown method 'knn'"),
        ([spec, "--success", picture, "--out", "a.toml"], "a file that ends in .json"),
        ([spec, "--success", picture, "--out", there], "exists already"),
        ([spec, "--success", picture, "--out", tmp_path / "new.json"], "all 1 frames have the same label"),
        ([spec, "--success", tmp_path / "none.png", "--out", tmp_path / "new.json"], "no file or folder"),
    ):
        assert message in refused(capsys, "fit", *arguments)
    assert not (tmp_path / "new.json").exists()
