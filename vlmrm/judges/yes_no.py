"""`YesNoJudge`: a question about a frame, and how much sooner a generative model would answer yes than no.

The score is read off the distribution of the first word of the answer, and no answer is ever written:

    log p(yes) - log p(no),   p(yes) = p("Yes") + p("yes") + p(" Yes") + p(" yes"), and the same of no

over those spellings that are one token of the model. It asks as VLM3D does (arXiv 2509.15772); TOPReward
(arXiv 2602.19313) reads the probability of one token of the answer in the same way. Its sigmoid is
p(yes) / (p(yes) + p(no)).
"""

import copy
import inspect
from importlib import import_module
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.hugging_face.generative import load_generative
from vlmrm.encoders.runtime import choose_runtime
from vlmrm.errors import EncoderError, FrameError, PromptError
from vlmrm.frames import as_frames
from vlmrm.types import Frames, Rewards

_LEVELS_APART = 1.0  # of 255, on average: bytes that are resized are rounded, by 0.3 on pictures of noise
_CONTRAST_APART = 0.05  # of a picture's own: they are cut off at 0 and 255 half-way too, 0.02 on a chessboard of them


def log_odds_of_words(logits: Float[Tensor, " v"], yes: list[int], no: list[int]) -> Float[Tensor, ""]:
    """``log p(yes) - log p(no)``, where each answer has the probability of all its spellings.

    Args:
        logits: Of the next token, one per word of the vocabulary.
        yes: Tokens that mean yes.
        no: Tokens that mean no.

    Example:
        >>> probabilities = torch.tensor([0.2, 0.4, 0.2, 0.2])
        >>> float(log_odds_of_words(probabilities.log(), yes=[0, 1], no=[2]).exp().round(decimals=4))
        3.0
    """
    return logits[yes].logsumexp(dim=0) - logits[no].logsumexp(dim=0)


class YesNoJudge:
    """Asks one question about each frame; `YesNoJudge.load` makes one from a name.

    Each frame is a prompt of its own, so that how frames are split into batches never changes a score.

    Args:
        model: Of transformers, for pictures and words to words. It is put into evaluation mode, and its weights take
            no gradients any more.
        processor: The model's own.
        question: That yes or no answers, e.g. "Is the robot kneeling? Answer yes or no."
        name: How to load it again.

    Raises:
        PromptError: The question is empty.
        EncoderError: The processor takes no pictures, or has no token for yes or for no.
    """

    def __init__(self, model: Any, processor: Any, question: str, *, name: str) -> None:
        if not question.strip():
            raise PromptError(f"a judge needs a question; got {question!r}. Ask one that yes or no answers.")
        if not hasattr(processor, "image_processor") or not hasattr(processor, "tokenizer"):
            raise EncoderError(f"{name!r} has no processor of pictures and words; got {type(processor).__name__}.")
        self.name = name
        """How to load it again."""
        self.question = question
        """What it is asked about every frame."""
        self.model = model.eval().requires_grad_(False)
        """Model of transformers, in evaluation mode."""
        self.processor = processor
        """The model's own."""
        self._yes, self._no = (_answer_tokens(processor.tokenizer, word, name=name) for word in ("yes", "no"))
        takes = inspect.signature(self.model.forward).parameters
        self._last_word = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}

    @classmethod
    def load(cls, name: str, question: str, *, device: str | None = None) -> "YesNoJudge":
        """Build a model and fill in its weights, which are safetensors; runs no code that comes with them.

        Args:
            name: ``OWNER/NAME`` on the Hugging Face hub, downloaded once, or ``local-dir:FOLDER``, as
                ``save_pretrained`` of model and processor writes it.
            question: That yes or no answers.
            device: ``cpu``, ``cuda`` …; None: CUDA if there is one, else the CPU.

        Raises:
            UnknownModel: There is no such model.
            OfflineError: It would have to be downloaded, and that is not possible.
            MissingExtra: transformers is not installed.
            EncoderError: Weights are missing, or it is not a model that answers about pictures.
            PromptError: The question is empty.
        """
        return cls(*load_generative(name, choose_runtime(device), wanted="judge"), question, name=name)

    def asking(self, question: str) -> "YesNoJudge":
        """The same model, asked something else."""
        return YesNoJudge(self.model, self.processor, question, name=self.name)

    @torch.no_grad()
    def log_odds(self, frames: Frames) -> Rewards:
        """``log p(yes) - log p(no)`` of each frame; 0 where it cannot tell.

        Args:
            frames: RGB; any height and width.

        Returns:
            float32 on the CPU.

        Raises:
            FrameError: The frames are not uint8 RGB.
        """
        return torch.stack([self._odds(self._inputs(frame)) for frame in as_frames(frames)])

    def probabilities(self, frames: Frames) -> Rewards:
        """``p(yes) / (p(yes) + p(no))`` of each frame, 0 to 1; see `log_odds`."""
        return self.log_odds(frames).sigmoid()

    def log_odds_of_pixels(self, pixels: Float[Tensor, "n 3 h w"]) -> Rewards:
        """What `log_odds` gives, but for the rounding of pixels to bytes, with a gradient that reaches the pixels.

        Args:
            pixels: RGB, 0 to 1, before any resize or normalisation.

        Returns:
            float32 on the CPU.

        Raises:
            FrameError: There are none, or they are not 0 to 1.
            EncoderError: What the model's processor does to a picture cannot be done so that gradients pass.
        """
        if not pixels.numel() or not bool(((pixels >= 0) & (pixels <= 1)).all()):
            raise FrameError(f"pixels must be 0 to 1, and at least one picture; got shape {tuple(pixels.shape)}.")
        odds = torch.stack([self._odds(self._inputs_of_pixels(picture)) for picture in pixels.float()])
        if torch.is_grad_enabled() and pixels.requires_grad and not odds.requires_grad:
            raise EncoderError(f"{self.name!r} lets no gradient pass from its answer to the pixels.")
        return odds

    def _odds(self, inputs: Any) -> Float[Tensor, ""]:
        logits = self.model(**inputs, **self._last_word).logits[0, -1]
        return log_odds_of_words(logits.float(), self._yes, self._no).cpu()

    def _inputs(self, frame: Any) -> Any:
        """All that the model takes, of one frame (h, w, 3) and the question."""
        from PIL.Image import fromarray

        picture = fromarray(frame.numpy())  # channels cannot be guessed wrongly from it
        if getattr(self.processor, "chat_template", None):
            said = [{"type": "image", "image": picture}, {"type": "text", "text": self.question}]
            inputs = self.processor.apply_chat_template(
                [{"role": "user", "content": said}],
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
            )
        else:
            inputs = self.processor(images=[picture], text=[self._plain_prompt()], return_tensors="pt")
        return inputs.to(device=self.model.device, dtype=self.model.dtype)

    def _plain_prompt(self) -> str:
        image_token = getattr(self.processor, "image_token", None)
        if image_token is None:
            raise EncoderError(f"{self.name!r} has neither a chat template nor a token that stands for a picture.")
        return f"{image_token}\n{self.question}\nAnswer:"

    def _inputs_of_pixels(self, picture: Float[Tensor, "3 h w"]) -> Any:
        """As `_inputs` of the picture as bytes, but for the pixel values, which keep their gradient."""
        levels = 255 * picture
        inputs = self._inputs(levels.detach().round().byte().movedim(0, -1).contiguous().cpu())
        try:
            processor = _torch_image_processor(self.processor.image_processor, name=self.name)
            made = processor(images=[levels], return_tensors="pt", input_data_format="channels_first")["pixel_values"]
            values = made.to(device=self.model.device, dtype=self.model.dtype)
            apart = float((values.detach() - inputs["pixel_values"]).float().abs().mean())
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise _irreproducible(self.name, str(error)) from error
        level = processor.rescale_factor / min(processor.image_std or (1.0,))
        allowed = _LEVELS_APART * level + _CONTRAST_APART * float(values.detach().float().std())
        allowed += torch.finfo(self.model.dtype).eps  # of values of about 1
        if values.shape != inputs["pixel_values"].shape or not apart <= allowed:  # NaN too
            raise _irreproducible(self.name, f"pixel values are {apart:.3g} off on average")
        inputs["pixel_values"] = values
        return inputs


def _torch_image_processor(own: Any, *, name: str) -> Any:
    """One that does the same with torch operations on pixels of 0 to 255, whose gradient they keep."""
    kind = type(own).__name__
    if kind.endswith("Pil"):
        twin = getattr(import_module("transformers"), kind.removesuffix("Pil"), None)
        if twin is None:
            raise _irreproducible(name, f"{kind} has no twin that works on tensors")
        processor = twin.from_dict(own.to_dict())
    else:
        processor = copy.copy(own)
    resize = processor.resize

    def resize_within_bytes(*args: Any, **options: Any) -> Any:
        return resize(*args, **options).clamp(0, 255)  # bicubic overshoots, which bytes cut off

    processor.resize = resize_within_bytes
    return processor


def _irreproducible(name: str, reason: str) -> EncoderError:
    return EncoderError(
        f"what the processor of {name!r} does to a picture cannot be done so that gradients pass ({reason}). "
        "log_odds(frames) works without gradients."
    )


def _answer_tokens(tokenizer: Any, word: str, *, name: str) -> list[int]:
    """The spellings of a word that are one token, with and without a capital and a space before it."""
    tokens = set()
    for spelling in (word.capitalize(), word, f" {word.capitalize()}", f" {word}"):
        pieces = tokenizer.encode(spelling, add_special_tokens=False)
        if len(pieces) == 1 and pieces[0] != tokenizer.unk_token_id:
            tokens.add(int(pieces[0]))
    if not tokens:
        raise EncoderError(
            f"{name!r} has no single token for {word!r}, however it is spelled, so that its first token is not an "
            "answer. Use a model with an English vocabulary."
        )
    return sorted(tokens)
