"""What adaptation minimises: one file for each loss, and the table of their names.

A method is a function of an `Evidence` that returns a `Loss`; to add one, write its file and its row here.
"""

from collections.abc import Callable, Mapping

from vlmrm.errors import SpecError, near_matches
from vlmrm.rlcf.methods.entropy import tent, tpt
from vlmrm.rlcf.methods.evidence import Evidence, Loss
from vlmrm.rlcf.methods.expected import expected_reward
from vlmrm.rlcf.methods.imitation import at_kd, kd, pseudo_label
from vlmrm.rlcf.methods.reinforce import rlcf
from vlmrm.rlcf.methods.spread import c_tpt

METHODS: Mapping[str, Callable[[Evidence], Loss]] = {
    "rlcf": rlcf,
    "expected_reward": expected_reward,
    "tpt": tpt,
    "c_tpt": c_tpt,
    "tent": tent,
    "kd": kd,
    "at_kd": at_kd,
    "pseudo_label": pseudo_label,
}
"""Every loss, by name."""

ASK_REWARD = frozenset({"rlcf", "expected_reward", "kd", "at_kd"})
"""The losses that ask the reward."""

__all__ = ["ASK_REWARD", "METHODS", "Evidence", "Loss", "find_method"]


def find_method(name: str) -> Callable[[Evidence], Loss]:
    """Return a method by name.

    Raises:
        SpecError: There is none of this name.
    """
    if name not in METHODS:
        raise SpecError(f"unknown method {name!r}. Near: {near_matches(name, METHODS)}.")
    return METHODS[name]
