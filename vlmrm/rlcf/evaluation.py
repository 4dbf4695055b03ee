"""`evaluate`: how often an adapted model is right, beside every control, query by query.

The labels are the judge: what is true of a query by the simulator, or by whoever labelled it, and not by the reward.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

import torch

from vlmrm.rlcf.adapter import Adapter
from vlmrm.rlcf.answer import Answerer
from vlmrm.rlcf.controls import CONTROLS, BothSides, Control, own_reward
from vlmrm.rlcf.labelled import Asked, Labels, checked_labels
from vlmrm.rlcf.results import Evaluation, MethodResult, QueryResult, result_of
from vlmrm.rlcf.zero_shot import ZeroShot


def evaluate(
    adapter: Adapter[ZeroShot],
    queries: Asked,
    labels: Any,
    *,
    others: Mapping[str, Answerer] | None = None,
    controls: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
) -> Evaluation:
    """Return how an adapter does on labelled queries, with what stands beside it.

    Args:
        adapter: What is judged.
        queries: Pictures at full size, or texts where answers are pictures.
        labels: The index of the right answer to each, or several where several are right.
        others: More methods, by name.
        controls: Whether to ask the controls as well; see `control_methods`.
        progress: Called with the method, the queries done and their number.

    Raises:
        FrameError: There are no queries, there are not as many labels, or a label is no answer.

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
    right = checked_labels(queries, labels, adapter.model.count)
    methods: dict[str, Answerer] = dict(control_methods(adapter)) if controls else {}
    methods |= {**(others or {}), "adapted": adapter}
    results = {}
    for called, method in methods.items():
        method.reset()
        said = []
        for one in answers(method, queries, right):
            said.append(one)
            if progress is not None:
                progress(called, len(said), len(right))
        results[called] = MethodResult(name=called, each=said, labels=right)
    return Evaluation(methods=results, answers=adapter.model.names, protocol=protocol_of(adapter))


def control_methods(adapter: Adapter[ZeroShot]) -> dict[str, Answerer]:
    """Return the controls of an adapter: four without a gradient, its own loss with the policy as its reward, and KD.

    Args:
        adapter: An adapter with a reward.
    """
    if adapter.reward is None:
        return {"zero_shot": adapter.model}
    model = adapter.model
    count = adapter.options.candidates or model.count
    sides = BothSides(model, adapter.reward, rivals=adapter.options.rivals)
    controls: dict[str, Answerer] = {name: Control(sides, name, candidates=count) for name in CONTROLS}
    own = own_reward(model, adapter.reward)
    controls["self_reward"] = Adapter(model, own, options=adapter.options, self_reward=True)
    controls["kd"] = Adapter(model, adapter.reward, options=replace(adapter.options, method="kd"))
    return controls


def answers(method: Answerer, queries: Asked, labels: Labels) -> Iterator[QueryResult]:
    """Yield what a method says of each query, and after each of its steps.

    Args:
        method: What is asked.
        queries: Pictures at full size, or texts.
        labels: The right answers to each.
    """
    for place, right in enumerate(labels):
        yield result_of(method.answer(one_query(queries[place]), trace=True), right)


def protocol_of(adapter: Adapter[ZeroShot]) -> dict[str, Any]:
    """Return the settings of an adapter as plain values."""
    options = asdict(adapter.options)
    options["tune"] = options["tune"] if isinstance(options["tune"], str) else "by a function"
    encoder = adapter.model.encoder
    kept: dict[str, Any] = {"policy": encoder.name, "policy_fingerprint": encoder.fingerprint}
    if adapter.reward is not None:
        kept |= {"reward": adapter.reward.spec.to_dict(), "reward_fingerprint": adapter.reward.fingerprint}
    guard = None if adapter.guard is None else asdict(adapter.guard)
    return {**kept, **adapter.model.said(), "options": options, "guard": guard}


def one_query(query: Any) -> Any:
    """Return a picture as a batch of one, or a text as a list of one."""
    if isinstance(query, str):
        return [query]
    from_tensor = torch.as_tensor(query)
    return from_tensor if from_tensor.dim() == 4 else from_tensor[None]
