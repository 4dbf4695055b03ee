"""``uncertainty`` of a spec: how unsure a score is, and how much of that is taken off it.

- `posterior`: as a Laplace posterior of the encoder knows it; `vlmrm.fitting.fit_uncertainty` fits one.
- `disagreement`: as goal sentences, crops or encoders disagree.
"""

from collections.abc import Mapping
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.rewards.transforms.uncertainty.disagreement import DisagreementOptions
from vlmrm.rewards.transforms.uncertainty.options import UncertaintyOptions
from vlmrm.rewards.transforms.uncertainty.posterior import PosteriorOptions
from vlmrm.tables import read_table

_KINDS: Mapping[str, type[UncertaintyOptions]] = {"ensemble": DisagreementOptions, "file": PosteriorOptions}


def read_uncertainty(values: Any, path: str) -> UncertaintyOptions:
    """The options of ``uncertainty`` from its table: of a posterior's file, or of an ensemble.

    Args:
        values: The table.
        path: Path of the table, for messages.

    Raises:
        SpecError: If it names neither, or has an unknown or impossible option.
    """
    named = [key for key in _KINDS if isinstance(values, Mapping) and key in values]
    if not named:
        raise SpecError(
            f"{path} needs an ensemble (prompts, views or encoders), or the file that vlmrm.fitting.fit_uncertainty "
            f"writes; got {values!r}."
        )
    return read_table(_KINDS[named[0]], values, where=path)


__all__ = ["UncertaintyOptions", "read_uncertainty"]
