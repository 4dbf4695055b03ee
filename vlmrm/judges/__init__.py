"""Judges: large models that are asked about a frame in words, where an encoder is cheap and may be fooled.

- `YesNoJudge`: how much sooner a generative vision-language model would answer yes than no.

Importing this package does not import transformers; loading a judge does.
"""

from vlmrm.judges.yes_no import YesNoJudge

__all__ = ["YesNoJudge"]
