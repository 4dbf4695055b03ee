"""`load_lazily`: names of a package that are imported when they are first asked for (PEP 562)."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any


def load_lazily(package: str, modules: Mapping[str, str], name: str) -> Any:
    """Return what a package's ``__getattr__`` is asked for.

    Args:
        package: Name of the package, for the message.
        modules: By each name, the module that it is in.
        name: What is asked for.

    Raises:
        AttributeError: The package has nothing of this name.

    Example:
        >>> load_lazily("shapes", {"pi": "math"}, "pi") > 3
        True
    """
    if name in modules:
        return getattr(import_module(modules[name]), name)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
