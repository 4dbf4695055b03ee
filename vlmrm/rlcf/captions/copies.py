"""Copies of a captioner's model that share all weights but those that are tuned."""

import copy
from collections.abc import Callable

from torch import nn

from vlmrm.errors import EncoderError

Tune = str | Callable[[str], bool]
"""The beginning of the names of parameters, or a function that says whether one of a name is meant."""


def chosen_parameters(model: nn.Module, tune: Tune, *, name: str) -> list[nn.Parameter]:
    """Return parameters by their names.

    Args:
        model: Whose.
        tune: Which.
        name: What the error calls the model.

    Raises:
        EncoderError: There are none.
    """
    chosen = tune if callable(tune) else lambda called: called.startswith(tune)
    found = [parameter for called, parameter in model.named_parameters() if chosen(called)]
    if not found:
        heads = sorted({called.split(".")[0] for called, _ in model.named_parameters()})
        raise EncoderError(f"no parameter of {name!r} is selected by {tune!r}. Names begin with {heads}.")
    return found


def copy_to_tune(model: nn.Module, own: list[nn.Parameter]) -> tuple[nn.Module, list[nn.Parameter]]:
    """Return a copy of a model, and those of its parameters that ask for gradients; it shares all others.

    Args:
        model: What is copied.
        own: Parameters of which the copy has its own.

    Example:
        >>> layer = nn.Linear(2, 2).requires_grad_(False)
        >>> twin, (weight,) = copy_to_tune(layer, [layer.weight])
        >>> twin.bias is layer.bias, weight is layer.weight, weight.requires_grad
        (True, False, True)
    """
    mine = {id(parameter) for parameter in own}
    shared = {id(one): one for one in model.parameters() if id(one) not in mine}
    twin = copy.deepcopy(model, shared)
    pairs = zip(twin.parameters(), model.parameters(), strict=True)
    tuned = [parameter for parameter, theirs in pairs if id(theirs) in mine]
    for parameter in tuned:
        parameter.requires_grad_(True)
    return twin, tuned
