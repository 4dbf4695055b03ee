"""What a model was like before it was tuned, to be put back bit for bit."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

_CHANGES = "parametrizations."  # what lies there are constants of weight changes


class TowerState:
    """A model as it is now: tuned parameters, buffers, hooks, weight changes, and flags of training and gradients.

    Only tuned parameters and the buffers, such as the statistics of BatchNorm, are copied: of all else the model's own
    objects are remembered, so that an optimiser that holds them can go on. Gradients are not kept: `put_back` drops
    them. Give the state of an optimiser up as well, where a next episode shall not depend on the last.

    As a context it puts all back at its end.

    Args:
        model: The model of a `DifferentiableEncoder`.
        tuned: Parameters whose numbers will change, in the model or beside it, as `LearnedContext.change` is.

    Example:
        >>> layer = nn.BatchNorm1d(2).eval()
        >>> with TowerState(layer, layer.parameters()):
        ...     _ = layer.train()(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))
        ...     _ = nn.init.zeros_(layer.weight)
        >>> layer.weight.tolist(), layer.running_mean.tolist(), layer.training
        ([1.0, 1.0], [0.0, 0.0], False)
    """

    def __init__(self, model: nn.Module, tuned: Iterable[nn.Parameter]) -> None:
        tuned = list(tuned)
        with torch.no_grad():
            buffers = [tensor for name, tensor in model.named_buffers() if _CHANGES not in name]
            self._numbers: list[tuple[Tensor, Tensor]] = [(tensor, tensor.clone()) for tensor in [*tuned, *buffers]]
        self._tuned = tuned
        self._asking = [(parameter, parameter.requires_grad) for parameter in [*model.parameters(), *tuned]]
        self._modules = [_ModuleState(module) for module in model.modules()]

    def put_back(self) -> None:
        """Make all as it was; any number of times, also where gradients are switched off."""
        for module in self._modules:
            module.put_back()
        with torch.inference_mode(False), torch.no_grad():
            for parameter, asks in self._asking:
                parameter.requires_grad_(asks)
            for tensor, numbers in self._numbers:
                tensor.copy_(numbers)
        for parameter in self._tuned:
            parameter.grad = None

    def __enter__(self) -> "TowerState":
        return self

    def __exit__(self, *error: object) -> None:
        self.put_back()


class _ModuleState:
    """Class, attributes and tables (parameters, buffers, children, hooks) of one module, none of them copied."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._class = type(module)
        self._attributes: dict[str, Any] = dict(module.__dict__)
        self._tables = [(table, dict(table)) for table in self._attributes.values() if isinstance(table, dict)]
        self._properties = {name: value for name, value in vars(self._class).items() if isinstance(value, property)}

    def put_back(self) -> None:
        now = self._module.__dict__
        for name in [name for name in now if name not in self._attributes]:
            del now[name]
        now.update(self._attributes)
        for table, rows in self._tables:
            table.clear()  # the same table: whoever put a hook in it takes it out of there
            table.update(rows)
        for name in self._properties.keys() - vars(self._class).keys():  # of a weight whose change was taken off
            setattr(self._class, name, self._properties[name])
        self._module.__class__ = self._class
