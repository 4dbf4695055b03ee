"""The only place that imports open_clip, because that import needs mending where torchvision does not match torch.

torchvision's C++ operators load only into the torch they were built for. With a CPU torch beside the registry's CUDA
torchvision they do not load, and torchvision then fails while it describes them: *operator torchvision::nms does not
exist*. Naming the operators without implementing them lets the import pass. Nothing an encoder uses calls them.
"""

from importlib import import_module
from types import ModuleType
from typing import Any

import torch

from vlmrm.errors import EncoderError

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_MISSING_OPERATOR = "operator torchvision::"
_definitions: list[Any] = []  # torch forgets the schemas with the object that defined them


def import_open_clip() -> ModuleType:
    """The open_clip package, also where torchvision does not match torch.

    Returns:
        The imported module.

    Raises:
        EncoderError: torchvision misses operators that this mend does not know.

    Example:
        >>> "ViT-B-32" in import_open_clip().list_models()
        True
    """
    try:
        return import_module("open_clip")
    except RuntimeError as error:
        if _MISSING_OPERATOR not in str(error) or _definitions:
            raise
    library: Any = torch.library.Library  # untyped in torch
    _definitions.append(library("torchvision", "FRAGMENT"))
    for schema in _SCHEMAS:
        _definitions[0].define(schema)
    try:
        return import_module("open_clip")
    except RuntimeError as error:
        raise EncoderError(
            f"open_clip cannot be imported, because torchvision does not match torch {torch.__version__}: {error}. "
            "Install a torchvision that was built for this torch."
        ) from error
