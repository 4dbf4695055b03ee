"""Methods that classify better without a step of training, with the interface of an adapter; each in one file.

- `templates`: the mean of several sentences for each class, and AutoCLIP, which weighs them for each picture.
- `votes`: ZERO, the vote of the most confident views.
- `mean_shift`: MTA, the mode of the views.
- `caches`: TDA, which remembers confident pictures.
"""

from vlmrm.rlcf.training_free.caches import Tda
from vlmrm.rlcf.training_free.mean_shift import Mta
from vlmrm.rlcf.training_free.templates import AutoClip, TemplateMean
from vlmrm.rlcf.training_free.votes import Zero

__all__ = ["AutoClip", "Mta", "Tda", "TemplateMean", "Zero"]
