"""Labels by hand: a page on this machine that shows frames one by one, and one key for each.

- `label`: serve the page and save the labels.
- `most_informative`: which frames are worth a person's time.
"""

from vlmrm.labelling.label import LabelOptions, label
from vlmrm.labelling.order import most_informative, split_scores
from vlmrm.labelling.summary import LabelSummary

__all__ = ["LabelOptions", "LabelSummary", "label", "most_informative", "split_scores"]
