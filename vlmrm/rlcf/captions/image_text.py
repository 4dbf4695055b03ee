"""`ImageTextCaptioner`: BLIP and BLIP-2 of transformers, which see pictures with a tower of their own.

| model type | the language model reads | usually tuned |
|---|---|---|
| ``blip`` | words, and the picture's patches by cross-attention | its cross-attention |
| ``blip-2`` | a few words made of the picture, and then words | ``language_projection.`` |

Each caption begins behind the start token of the model's configuration, without a prompt. BLIP ends it by the
configuration's ``sep_token_id``, BLIP-2 by its language model's ``eos_token_id``.
"""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vlmrm.encoders.hugging_face.generative import load_generative, read_config
from vlmrm.encoders.runtime import choose_runtime
from vlmrm.errors import EncoderError
from vlmrm.frames.batch import as_frames
from vlmrm.rlcf.captions.captioner import LanguageModelCaptioner
from vlmrm.rlcf.captions.protocol import Captions, of_tokens
from vlmrm.types import Frames

Pixels = Float[Tensor, "n 3 high wide"]
"""Pictures as the model's image processor prepares them, at the model's own size."""


class ImageTextCaptioner(LanguageModelCaptioner):
    """Writes with a model of transformers that sees for itself; `load_image_text` makes one from a name.

    Args:
        model: Of the type that the subclass is for.
        processor: The model's own.
        name: How to load it again.

    Raises:
        EncoderError: There is no token that begins or ends captions, or the parts do not fit.
    """

    def __init__(self, model: Any, processor: Any, *, name: str) -> None:
        text = model.config.text_config
        end = self._end_of(text)
        known = None if end is None else processor.tokenizer.convert_ids_to_tokens(end)
        if known is None or text.bos_token_id is None:
            raise EncoderError(
                f"{name!r} has no end token that its tokenizer knows, or no start token; got the ids {end} and "
                f"{text.bos_token_id}. Name both in the text_config of its config.json."
            )
        self.processor = processor
        """The model's own preparation of pictures."""
        self._start = int(text.bos_token_id)
        super().__init__(model, processor.tokenizer, name=name, end_token=known)

    @property
    def sees_with(self) -> None:
        """A tower of its own."""

    def see(self, images: Frames) -> Pixels:
        """Return pixels of pictures, which have one size, as the model's own image processor prepares them."""
        from PIL.Image import fromarray

        pictures = [fromarray(frame.cpu().numpy()) for frame in as_frames(images)]
        pixels: Tensor = self.processor.image_processor(images=pictures, return_tensors="pt")["pixel_values"]
        return pixels.to(self.device)

    def log_probabilities(self, seen: Pixels, captions: Captions) -> Float[Tensor, "n t"]:
        """Return the log-probability of each token, and 0 where there is none."""
        return of_tokens(self._answered(seen, captions).logits[:, -captions.tokens.shape[1] :], captions)

    def states(self, seen: Pixels, captions: Captions) -> Float[Tensor, "n t h"]:
        """Return the last hidden state of the language model before it says each token."""
        states: Tensor = self._answered(seen, captions, output_hidden_states=True).hidden_states[-1]
        return states[:, -captions.tokens.shape[1] :]

    @staticmethod
    @abstractmethod
    def _end_of(text: Any) -> int | None:
        """Id of the token that ends captions, by the configuration of the language model."""

    @abstractmethod
    def _look(self, pixels: Pixels) -> Float[Tensor, "n p h"]:
        """What the language model is given of pictures."""

    @abstractmethod
    def _reading(self, looked: Float[Tensor, "n p h"], tokens: Int[Tensor, "n t"]) -> dict[str, Any]:
        """What the language model takes of pictures and of words so far."""

    def _answered(self, seen: Pixels, captions: Captions, **more: bool) -> Any:
        read = torch.cat([self._starts(seen), captions.tokens[:, :-1]], dim=1)
        return self.language_model(**self._reading(self._look_once(seen), read), **more)

    def _given(self, seen: Pixels) -> dict[str, Any]:
        return self._reading(self._look_once(seen), self._starts(seen))

    def _look_once(self, seen: Pixels) -> Float[Tensor, "n p h"]:
        """As `_look`, at each picture once, however many captions it has."""
        different, places = torch.unique_consecutive(seen, dim=0, return_inverse=True)
        return self._look(different)[places]

    def _starts(self, seen: Pixels) -> Int[Tensor, "n 1"]:
        return torch.full((len(seen), 1), self._start, device=self.device)

    def _said_of_sight(self) -> dict[str, Any]:
        return {"image_processor": json.loads(self.processor.image_processor.to_json_string()), "start": self._start}


class BlipCaptioner(ImageTextCaptioner):
    """``BlipForConditionalGeneration``."""

    @property
    def language_model(self) -> Any:
        """The text decoder."""
        return self.model.text_decoder

    @property
    def usually_tuned(self) -> Callable[[str], bool]:
        """The text decoder's cross-attention."""
        return _is_cross_attention

    @staticmethod
    def _end_of(text: Any) -> int | None:
        end: int | None = text.sep_token_id
        return end

    def _look(self, pixels: Pixels) -> Float[Tensor, "n p h"]:
        model: Any = self.model
        patches: Tensor = model.vision_model(pixel_values=pixels).last_hidden_state
        return patches

    def _reading(self, looked: Float[Tensor, "n p h"], tokens: Int[Tensor, "n t"]) -> dict[str, Any]:
        return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens), "encoder_hidden_states": looked}

    def _without_start(self, written: Tensor) -> Captions:
        return super()._without_start(written[:, 1:])


class Blip2Captioner(ImageTextCaptioner):
    """``Blip2ForConditionalGeneration`` with a causal language model, such as OPT.

    Raises:
        EncoderError: The language model has an encoder, as T5 has, or as `ImageTextCaptioner`.
    """

    def __init__(self, model: Any, processor: Any, *, name: str) -> None:
        if model.language_model.config.is_encoder_decoder:
            kind = model.language_model.config.model_type
            raise EncoderError(
                f"the language model of {name!r} is a {kind}, which has an encoder. Take a BLIP-2 with a causal "
                "language model, such as OPT."
            )
        super().__init__(model, processor, name=name)

    @property
    def language_model(self) -> Any:
        """The causal language model."""
        return self.model.language_model

    @property
    def usually_tuned(self) -> str:
        """What makes words of a picture."""
        return "language_projection."

    @staticmethod
    def _end_of(text: Any) -> int | None:
        ends: int | list[int] | None = text.eos_token_id
        return ends[0] if isinstance(ends, list) else ends

    def _look(self, pixels: Pixels) -> Float[Tensor, "n p h"]:
        model: Any = self.model
        patches = model.vision_model(pixel_values=pixels).last_hidden_state
        asked = model.query_tokens.expand(len(pixels), -1, -1)
        found = model.qformer(query_embeds=asked, encoder_hidden_states=patches).last_hidden_state
        words: Tensor = model.language_projection(found)
        return words

    def _reading(self, looked: Float[Tensor, "n p h"], tokens: Int[Tensor, "n t"]) -> dict[str, Any]:
        words = torch.cat([looked, self.language_model.get_input_embeddings()(tokens)], dim=1)
        return {"inputs_embeds": words, "attention_mask": torch.ones_like(words[:, :, 0], dtype=torch.long)}


KINDS: Mapping[str, type[ImageTextCaptioner]] = {"blip": BlipCaptioner, "blip-2": Blip2Captioner}
"""What writes with a model, by the ``model_type`` of its configuration."""


def load_image_text(name: str, *, device: str | None = None) -> ImageTextCaptioner:
    """Return a captioner with the weights of a model of transformers, which are safetensors.

    Args:
        name: ``OWNER/NAME`` on the Hugging Face hub, downloaded once, or ``local-dir:FOLDER``, as ``save_pretrained``
            of model and processor writes it.
        device: ``cpu``, ``cuda`` …; None: CUDA if there is one, else the CPU.

    Raises:
        UnknownModel: There is no such model.
        OfflineError: It would have to be downloaded, and that is not possible.
        MissingExtra: transformers is not installed.
        EncoderError: Weights are missing, or it is of another type than `KINDS`.
    """
    kind = str(read_config(name, wanted="captioner").get("model_type"))
    if kind not in KINDS:
        raise EncoderError(
            f"{name!r} is a model of the type {kind!r}; of transformers these types write captions here: "
            f"{', '.join(KINDS)}. A folder that save_captioner wrote has a captioner.json beside it."
        )
    model, processor = load_generative(name, choose_runtime(device, "fp32"), wanted="captioner")
    return KINDS[kind](model, processor, name=name)


def _is_cross_attention(name: str) -> bool:
    return ".crossattention." in name
