"""Wrappers of other packages, by the names that task files and the command line give them."""

import importlib
from collections.abc import Sequence
from typing import Any

import gymnasium as gym

from vlmrm.errors import MissingExtra, SpecError, VlmrmError, near_matches


def apply_wrappers(env: gym.Env[Any, Any], names: Sequence[str]) -> gym.Env[Any, Any]:
    """Put wrappers around an environment, the first one innermost.

    Args:
        env: Any environment.
        names: ``module:Name`` of each: a wrapper, or a function of an environment.

    Raises:
        SpecError: If there is no such wrapper, or it cannot be put around the environment.
        MissingExtra: If a package that it needs is not installed.

    Example:
        >>> apply_wrappers(gym.make("CartPole-v1"), ["gymnasium.wrappers:FlattenObservation"])
        <FlattenObservation<TimeLimit<OrderEnforcing<PassiveEnvChecker<CartPoleEnv<CartPole-v1>>>>>>
    """
    for name in names:
        wrapper = _load(name)
        try:
            wrapped = wrapper(env)
        except VlmrmError:
            raise
        except Exception as error:  # whatever a wrapper of others may raise
            raise SpecError(f"{name} cannot be put around {env}: {type(error).__name__}: {error}") from error
        if not isinstance(wrapped, gym.Env):
            raise SpecError(f"{name} made {wrapped!r} of {env}; a wrapper makes an environment of an environment.")
        env = wrapped
    return env


def _load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise SpecError(f"a wrapper is named MODULE:NAME, as gymnasium.wrappers:FlattenObservation; got {name!r}.")
    try:
        owner = importlib.import_module(module)
        wrapper = getattr(owner, attribute)  # some modules load their parts only then
    except ModuleNotFoundError as error:
        if error.name is not None and not f"{module}.".startswith(f"{error.name}."):
            raise MissingExtra(f"{module} needs {error.name!r}, which is not installed: {error}") from error
        raise SpecError(
            f"no module {module!r} for the wrapper {name!r}. Install its package, or check the name; a module in this "
            "folder is found by `python -m vlmrm` and with PYTHONPATH=."
        ) from error
    except AttributeError as error:
        raise SpecError(f"{module} has no {attribute!r}. Near: {near_matches(attribute, dir(owner))}.") from error
    if not callable(wrapper):
        raise SpecError(f"{name} is {wrapper!r}, which cannot be put around an environment.")
    return wrapper
