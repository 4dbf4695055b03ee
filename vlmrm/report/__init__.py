"""How good a reward is, before it is trained on.

- `evaluate`, `Report`: rewards judged on labelled frames, beside controls, as a table and a page.
- `AdaptationReport`: what a classifier gains by adaptation, beside its controls, as a page.
- `CaptionReport`: what a captioner gains by adaptation, beside its controls and a judge, as a page.
- `measure_landscape`, `draw_landscape`: the reward over one state variable, for several alphas.
- `vlmrm.report.video`: an episode with its rewards.
"""

from typing import TYPE_CHECKING, Any

from vlmrm.lazy import load_lazily

if TYPE_CHECKING:
    from vlmrm.report.adaptation import AdaptationReport
    from vlmrm.report.captions import CaptionReport
    from vlmrm.report.evaluation import evaluate
    from vlmrm.report.landscape import Landscape, draw_landscape, measure_landscape
    from vlmrm.report.report import Report

__all__ = [
    "AdaptationReport",
    "CaptionReport",
    "Landscape",
    "Report",
    "draw_landscape",
    "evaluate",
    "measure_landscape",
]

_LAZY = {
    "AdaptationReport": "vlmrm.report.adaptation",
    "CaptionReport": "vlmrm.report.captions",
    "Landscape": "vlmrm.report.landscape",
    "Report": "vlmrm.report.report",
    "draw_landscape": "vlmrm.report.landscape",
    "evaluate": "vlmrm.report.evaluation",
    "measure_landscape": "vlmrm.report.landscape",
}


def __getattr__(name: str) -> Any:
    """Load each part, and matplotlib with it, when it is first asked for."""
    return load_lazily(__name__, _LAZY, name)
