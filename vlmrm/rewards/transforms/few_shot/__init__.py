"""``few_shot`` of a spec: the score corrected by a handful of labelled frames, in closed form.

`FEW_SHOT` has the methods by name; `vlmrm.fitting.fit` fits them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.rewards.transforms.few_shot.goal_pictures import GoalPicturesOptions
from vlmrm.rewards.transforms.few_shot.options import FewShotOptions
from vlmrm.rewards.transforms.few_shot.proker import ProKeROptions
from vlmrm.rewards.transforms.few_shot.prototypes import PrototypesOptions
from vlmrm.rewards.transforms.few_shot.tip_adapter import TipAdapterOptions
from vlmrm.tables import read_kind, write_table

_METHODS: Sequence[type[FewShotOptions]] = (GoalPicturesOptions, PrototypesOptions, TipAdapterOptions, ProKeROptions)
FEW_SHOT: Mapping[str, type[FewShotOptions]] = {method.kind: method for method in _METHODS}
"""Options by the method that a spec gives."""


def read_few_shot(values: Any, path: str) -> FewShotOptions:
    """The options of ``few_shot`` from its table.

    Args:
        values: The table.
        path: Path of the table, for messages.

    Raises:
        SpecError: If there is no such method or option, or there are no frames.
    """
    if isinstance(values, Mapping) and values.get("method") == "cocoop":
        raise SpecError(
            f'{path}: cocoop is a head now. Write head = "cocoop" and options = {{ learned = "..." }} instead of '
            f'{path} = {{ method = "cocoop", ... }}, or fit it again.'
        )
    if isinstance(values, Mapping) and values.get("method") in list(FEW_SHOT) and "embeddings" not in values:
        raise SpecError(
            f"{path} {values['method']!r} has not been fitted: it has no frames. vlmrm.fitting.fit(reward, frames, "
            "labels) and `vlmrm fit` make a spec that has."
        )
    options: FewShotOptions = read_kind(FEW_SHOT, values, key="method", where=path)
    return options


def write_few_shot(options: FewShotOptions) -> dict[str, Any]:
    """The table of the options again, with the name of the method."""
    return {"method": options.kind, **write_table(options)}


__all__ = ["FEW_SHOT", "FewShotOptions", "read_few_shot", "write_few_shot"]
