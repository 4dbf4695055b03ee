"""Which built-in model can look a second time at what another one has seen."""

from collections.abc import Mapping

SECOND_MODELS: Mapping[str, str] = {
    "sim-m": "sim-xs",
    "sim-h": "sim-xs",
    "sim-s": "sim-xs",
    "sim-xs": "sim-m",
    "tab-m": "tab-xs",
    "tab-xs": "tab-m",
}
"""A built-in model of the same scenes, the smaller where there is one, by the name of the first."""
