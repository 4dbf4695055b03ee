"""The page of pose rewards says whether the paper's order was found, and not that it was."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "experiments"))

import humanoid_rewards_report


def test_an_order_of_sizes_that_is_not_the_papers_is_called_so():
    numbers = json.loads(
        (Path(humanoid_rewards_report.__file__).parent / "results" / "humanoid_rewards.json").read_text()
    )
    models, alphas = numbers["models"], numbers["alphas"]
    assert "alphas, as in the paper." in humanoid_rewards_report.size_verdict(models, alphas)
    turned = {name: model | {"vision_parameters": -model["vision_parameters"]} for name, model in models.items()}
    assert "at 0 of 5 alphas, unlike in the paper" in humanoid_rewards_report.size_verdict(turned, alphas)
