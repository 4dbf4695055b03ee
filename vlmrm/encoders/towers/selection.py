"""Which parameters of a copied encoder are tuned themselves: a tower, its normalisation layers, or some by name."""

from collections.abc import Callable, Iterator, Mapping

from torch import nn

from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.inner import tower_of
from vlmrm.errors import EncoderError, near_matches

Named = Callable[[str], bool]


def unfreeze(encoder: DifferentiableEncoder, what: str | Named) -> dict[str, nn.Parameter]:
    """Let parameters of a copied encoder ask for gradients.

    Only towers with weights of their own are looked into: all others are still those of the original.

    Args:
        encoder: The copy; ``copied`` says which of its towers are looked into.
        what: ``image`` or ``text`` for a whole tower, ``norm`` for scale and shift of all LayerNorms and BatchNorms, or
            a function that says whether a parameter of this name is tuned.

    Returns:
        What there is to train, by name.

    Raises:
        EncoderError: There is no such parameter, or it is shared with the original.

    Example:
        >>> from vlmrm.encoders import load_encoder
        >>> copied = DifferentiableEncoder(load_encoder("sim-s"), copied=("image",))
        >>> list(unfreeze(copied, "norm"))[:2]
        ['visual.bn1.weight', 'visual.bn1.bias']
    """
    found = dict(_selected(encoder.model, what))
    own = {name: parameter for name, parameter in found.items() if tower_of(name) in encoder.copied}
    if what == "norm":
        found = own
    shared = [name for name in found if name not in own and tower_of(name) is not None]
    if shared:
        raise EncoderError(
            f"{shared[0]} is still the original's own: this copy of {encoder.name!r} has weights of its own in "
            f"{sorted(encoder.copied) or 'no tower'}. Make it with copied=({tower_of(shared[0])!r},)."
        )
    if not found:
        raise EncoderError(
            f"no parameter of {encoder.name!r} in {sorted(encoder.copied) or 'no tower'} is selected by {what!r}. "
            "Print the names of encoder.model.named_parameters(), and say copied=... for the towers to tune."
        )
    for parameter in found.values():
        parameter.requires_grad_(True)
    return found


def _selected(model: nn.Module, what: str | Named) -> Iterator[tuple[str, nn.Parameter]]:
    if callable(what):
        return ((name, parameter) for name, parameter in model.named_parameters() if what(name))
    if what not in _WHAT:
        raise EncoderError(f"unknown choice of parameters {what!r}. Near: {near_matches(what, _WHAT)}.")
    return _WHAT[what](model)


def _norms(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """By the name of the class: transformers and timm have norms that inherit from none of torch."""
    for path, module in model.named_modules():
        if "norm" in type(module).__name__.lower():
            yield from module.named_parameters(prefix=path, recurse=False)


def _image(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, parameter) for name, parameter in model.named_parameters() if tower_of(name) == "image")


def _text(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, parameter) for name, parameter in model.named_parameters() if tower_of(name) == "text")


_WHAT: Mapping[str, Callable[[nn.Module], Iterator[tuple[str, nn.Parameter]]]] = {
    "image": _image,
    "text": _text,
    "norm": _norms,
}
