"""`evaluate`: how often an adapted classifier is right, beside every control, picture by picture.

The labels are the judge: what is true of a picture by the simulator, or by whoever labelled it, and not by the reward.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from vlmrm.rlcf.adapter import Adapter
from vlmrm.rlcf.answer import Answerer
from vlmrm.rlcf.controls import CONTROLS, BothSides, Control, own_reward
from vlmrm.rlcf.pictures import Pictures, checked_labels
from vlmrm.rlcf.results import Evaluation, MethodResult, PictureResult, result_of
from vlmrm.types import Frames


def evaluate(
    adapter: Adapter,
    pictures: Pictures,
    labels: Sequence[int] | Int[np.ndarray, " n"],
    *,
    others: Mapping[str, Answerer] | None = None,
    controls: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
) -> Evaluation:
    """Return how an adapter does on labelled pictures, with what stands beside it.

    Args:
        adapter: What is judged.
        pictures: Pictures at full size.
        labels: The index of the right class of each.
        others: More methods, by name.
        controls: Whether to ask the controls as well; see `control_methods`.
        progress: Called with the method, the pictures done and their number.

    Raises:
        FrameError: There are no pictures, as many labels as pictures are not there, or a label is no class.

    Example:
        >>> from vlmrm import RewardModel, RewardSpec
        >>> from vlmrm.rlcf import ClipClassifier
        >>> poles = ClipClassifier.load("random:sim-xs", ["stands upright", "hangs down"], template="the pole {}")
        >>> reward = RewardModel.from_spec(RewardSpec.clip_score("random:sim-s"))
        >>> adapter = Adapter(poles, reward, candidates=2, views=4)
        >>> black = torch.zeros(2, 64, 64, 3, dtype=torch.uint8)
        >>> list(evaluate(adapter, black, [0, 1]).methods)
        ['zero_shot', 'reward_only', 'best_of_k', 'ensemble', 'self_reward', 'kd', 'adapted']
    """
    right = checked_labels(pictures, labels, len(adapter.classifier.classes))
    methods: dict[str, Answerer] = dict(control_methods(adapter)) if controls else {}
    methods |= {**(others or {}), "adapted": adapter}
    results = {}
    for called, method in methods.items():
        method.reset()
        said = []
        for one in answers(method, pictures, right):
            said.append(one)
            if progress is not None:
                progress(called, len(said), len(right))
        results[called] = MethodResult(name=called, pictures=said, labels=right)
    return Evaluation(methods=results, classes=adapter.classifier.classes, protocol=protocol_of(adapter))


def control_methods(adapter: Adapter) -> dict[str, Answerer]:
    """Return the controls of an adapter: four without a gradient, its own loss with the policy as its reward, and KD.

    Args:
        adapter: An adapter with a reward.
    """
    if adapter.reward is None:
        return {"zero_shot": adapter.classifier}
    classifier = adapter.classifier
    count = adapter.options.candidates or len(classifier.classes)
    sides = BothSides(classifier, adapter.reward, rivals=adapter.options.rivals)
    controls: dict[str, Answerer] = {name: Control(sides, name, candidates=count) for name in CONTROLS}
    own = own_reward(classifier, adapter.reward)
    controls["self_reward"] = Adapter(classifier, own, options=adapter.options, self_reward=True)
    controls["kd"] = Adapter(classifier, adapter.reward, options=replace(adapter.options, method="kd"))
    return controls


def answers(method: Answerer, pictures: Pictures, labels: Int[np.ndarray, " n"]) -> Iterator[PictureResult]:
    """Yield what a method says of each picture, and after each of its steps.

    Args:
        method: What is asked.
        pictures: Pictures at full size.
        labels: The right class of each.
    """
    for place, label in enumerate(labels):
        yield result_of(method.answer(_one(pictures[place]), trace=True), int(label))


def protocol_of(adapter: Adapter) -> dict[str, Any]:
    """Return the settings of an adapter as plain values."""
    options = asdict(adapter.options)
    options["tune"] = options["tune"] if isinstance(options["tune"], str) else "by a function"
    encoder = adapter.classifier.encoder
    kept: dict[str, Any] = {"policy": encoder.name, "policy_fingerprint": encoder.fingerprint}
    if adapter.reward is not None:
        kept |= {"reward": adapter.reward.spec.to_dict(), "reward_fingerprint": adapter.reward.fingerprint}
    guard = None if adapter.guard is None else asdict(adapter.guard)
    return {**kept, "template": adapter.classifier.template, "options": options, "guard": guard}


def _one(picture: Any) -> Frames:
    from_tensor: Frames = torch.as_tensor(picture)
    return from_tensor if from_tensor.dim() == 4 else from_tensor[None]
