"""Judges: large models that are asked about a frame in words, where an encoder is cheap and may be fooled.

- `Judge`: what every judge offers.
- `PixelJudge`: a judge whose answer has a gradient to the pixels.
- `YesNoJudge`: how much sooner a generative vision-language model would answer yes than no.

Importing this package does not import transformers; loading a judge does.
"""

from vlmrm.judges.judge import Judge, PixelJudge
from vlmrm.judges.yes_no import YesNoJudge

__all__ = ["Judge", "PixelJudge", "YesNoJudge"]
