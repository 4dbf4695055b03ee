"""What each tuner may be told."""

import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.fitting import fit, tune
from vlmrm.fitting.tuning.options import TUNERS, method_of, tuner_options


@pytest.mark.parametrize("method", TUNERS)
def test_options_left_out_have_their_defaults_and_know_their_method(method):
    options = tuner_options(method, {"steps": 3})
    assert type(options) is TUNERS[method]
    assert (options.steps, options.drift_penalty, options.seed) == (3, 0.03, 0)
    assert method_of(options) == method


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("svd", {"steps": 0}, "svd.steps must be a whole number of at least 1; got 0"),
        ("svd", {"learning_rate": 0}, "svd.learning_rate must be above 0; got 0"),
        ("svd", {"drift_penalty": -1}, "svd.drift_penalty must be at least 0; got -1"),
        ("svd", {"drift_penalty": float("nan")}, "svd.drift_penalty must be a number; got nan"),
        ("svd", {"seed": -1}, "svd.seed must be a whole number of at least 0; got -1"),
        ("svd", {"rank": 2}, "unknown key svd.rank"),
        ("svd", {"stay": 0.1}, "unknown key svd.stay"),
        ("lora", {"rank": 0}, "lora.rank must be a whole number of at least 1; got 0"),
        ("lora", {"alpha": 0}, "lora.alpha must be above 0; got 0"),
        ("coop", {"context": 0}, "coop.context must be a whole number of at least 1; got 0"),
        ("cocoop", {"contxt": 4}, "unknown key cocoop.contxt. Near: context"),
        ("loar", {}, "unknown method of tuning 'loar'. Near: lora"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(method, options, message):
    with pytest.raises(SpecError, match=message):
        tuner_options(method, options)


def test_methods_of_tuning_and_of_fitting_are_not_taken_for_one_another(tmp_path):
    reward = RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=PromptSet("red")))
    frames = torch.zeros(2, 8, 8, 3, dtype=torch.uint8)
    with pytest.raises(SpecError, match="unknown method of tuning 'proker'"):
        tune(reward, frames, [1, 0], method="proker", out=tmp_path / "tuned")
    with pytest.raises(SpecError, match="unknown method 'svd'"):
        fit(reward, frames, [1, 0], method="svd")
    assert list(tmp_path.iterdir()) == []
