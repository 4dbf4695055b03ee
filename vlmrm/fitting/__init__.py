"""Fitting: functions from a reward and some frames to a new reward. None changes the reward that it is given.

- `fit`: corrected by a handful of labelled frames, in closed form.
- `tune`: its encoder or the words of its prompts trained on labelled frames, in seconds.
- `tune_robust`: an encoder tuned to bear attacks on pixels, on frames without labels.
- `calibrate`: 0 and 1, with a threshold that few frames without the goal are above.
- `standardize`: a mean of 0 and a standard deviation of 1 over some frames.
- `fit_uncertainty`: knows how unsure it is of each frame.
- `pseudo_labels`: labels for frames that nobody has labelled, by the sentences alone.
"""

from vlmrm.fitting.calibration import calibrate
from vlmrm.fitting.few_shot import fit, fit_embeddings
from vlmrm.fitting.pseudo_labelling import pseudo_labels
from vlmrm.fitting.standardization import standardize
from vlmrm.fitting.tuning.robust import RobustOptions, tune_robust
from vlmrm.fitting.tuning.tuners import tune
from vlmrm.fitting.uncertainty import fit_uncertainty

__all__ = [
    "RobustOptions",
    "calibrate",
    "fit",
    "fit_embeddings",
    "fit_uncertainty",
    "pseudo_labels",
    "standardize",
    "tune",
    "tune_robust",
]
