"""Transforms: what becomes of the score of a frame, in this order.

| word of a spec | what it does |
|---|---|
| ``few_shot`` | corrects the score by labelled frames |
| ``uncertainty`` | takes off some of what is not sure |
| ``judge`` | replaces a high score by a generative model's word |
| ``scaling`` | brings it to another scale |
| ``threshold`` | makes 0 and 1 of it |
"""

ORDER = ("few_shot", "uncertainty", "judge", "scaling", "threshold")
"""Words of a spec, in the order in which they apply."""

__all__ = ["ORDER"]
