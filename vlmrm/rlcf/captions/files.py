"""Captioners by name, from disk and to disk.

| name | what it is |
|---|---|
| ``tab-cap``, ``sim-cap`` | small captioners that come with the package |
| ``local-dir:FOLDER`` | a folder that `save_captioner` wrote, or BLIP or BLIP-2 as ``save_pretrained`` writes them |
| ``OWNER/NAME`` | BLIP or BLIP-2 on the Hugging Face hub, downloaded once; see `vlmrm.rlcf.captions.image_text` |

What `save_captioner` writes holds ``captioner.json``, ``mapper.safetensors``, and the language model with its tokenizer
as transformers writes them. Loading runs no code that comes with a model.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from vlmrm.atomic import whole_folder, write_json
from vlmrm.encoders import load_encoder
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.hugging_face.generative import CAUSAL, LOCAL, load_generative
from vlmrm.encoders.runtime import choose_runtime
from vlmrm.errors import EncoderError, UnknownModel, near_matches
from vlmrm.plain_files import read_json
from vlmrm.rlcf.captions.captioner import LanguageModelCaptioner
from vlmrm.rlcf.captions.image_text import load_image_text
from vlmrm.rlcf.captions.mappers import MapperShape, MlpMapper, TransformerMapper
from vlmrm.rlcf.captions.prefix import PrefixCaptioner

BUILTIN = Path(__file__).parent / "builtin"
"""Folder of the captioners that come with the package."""
_SETTINGS, _MAPPER = "captioner.json", "mapper.safetensors"


def captioner_names() -> list[str]:
    """Return the names of the captioners that come with the package.

    Example:
        >>> "tab-cap" in captioner_names()
        True
    """
    return sorted(path.parent.name for path in BUILTIN.glob(f"*/{_SETTINGS}"))


def load_captioner(name: str, *, device: str | None = None) -> LanguageModelCaptioner:
    """Return a captioner by name.

    Args:
        name: See `vlmrm.rlcf.captions.files`.
        device: ``cpu``, ``cuda`` …; None: CUDA if there is one, else the CPU.

    Raises:
        UnknownModel: There is none of this name.
        OfflineError: It would have to be downloaded, and that is not possible.
        MissingExtra: transformers is not installed.
        EncoderError: Files are missing or damaged, its encoder has other weights than it was trained with, or a model
            of transformers is of a type that writes no captions here.

    Example:
        >>> from vlmrm_envs.table_top import draw_tables, random_tables
        >>> captioner = load_captioner("tab-cap")
        >>> captioner.caption(draw_tables(random_tables(2, seed=0)[:1], seed=0, size_px=64))
        ('a big purple triangle, a big purple star and a big white triangle on a turquoise cloth',)
    """
    local = name.startswith(LOCAL)
    folder = Path(name.removeprefix(LOCAL)).expanduser() if local else BUILTIN / name
    if (folder / _SETTINGS).is_file():
        return _load_prefix(name, folder, device)
    if (folder / "config.json").is_file() or ("/" in name and not local):
        return load_image_text(name, device=device)
    raise UnknownModel(
        f"no captioner {name!r}: {folder} has no {_SETTINGS}. Near: {near_matches(name, captioner_names())}; or "
        f"give OWNER/NAME of the Hugging Face hub, or {LOCAL}FOLDER."
    )


def save_captioner(captioner: LanguageModelCaptioner, folder: Path) -> None:
    """Write a captioner to a folder, whole or not at all.

    Args:
        captioner: A `PrefixCaptioner` with a mapper of `MapperShape`; its encoder goes by its name.
        folder: Where to.

    Raises:
        EncoderError: It is another captioner, or has another mapper.
    """
    if not isinstance(captioner, PrefixCaptioner) or not isinstance(captioner.mapper, MlpMapper | TransformerMapper):
        raise EncoderError(f"{captioner.name!r} is no prefix captioner with a mapper of ours: save its parts yourself.")
    settings: dict[str, Any] = {
        "encoder": captioner.encoder.name,
        "encoder_fingerprint": captioner.encoder.fingerprint,
        "end_token": captioner.tokenizer.convert_ids_to_tokens(captioner.end),
        "mapper": asdict(captioner.mapper.shape),
    }
    with whole_folder(folder) as unfinished:
        captioner.language_model.save_pretrained(unfinished)
        captioner.tokenizer.save_pretrained(unfinished)
        save_file(captioner.mapper.state_dict(), unfinished / _MAPPER)
        write_json(unfinished / _SETTINGS, settings)


def _load_prefix(name: str, folder: Path, device: str | None) -> PrefixCaptioner:
    runtime = choose_runtime(device, "fp32")
    language_model, tokenizer = load_generative(f"{LOCAL}{folder}", runtime, wanted="captioner", classes=CAUSAL)
    try:
        settings = read_json(folder / _SETTINGS)
        encoder = load_encoder(settings["encoder"], device=device)
        mapper = MapperShape(**settings["mapper"]).build()
        mapper.load_state_dict(load_file(folder / _MAPPER))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise EncoderError(
            f"the captioner {folder} is damaged: {type(error).__name__}: {error}. Save it anew."
        ) from error
    _require_encoder(encoder, settings["encoder_fingerprint"], name)
    return PrefixCaptioner(
        encoder, mapper.to(runtime.device), language_model, tokenizer, name=name, end_token=settings["end_token"]
    )


def _require_encoder(encoder: Encoder, fingerprint: str, name: str) -> None:
    if encoder.fingerprint != fingerprint:
        raise EncoderError(
            f"the captioner {name!r} was trained on pictures seen by an encoder of fingerprint {fingerprint}, and "
            f"{encoder.name!r} has {encoder.fingerprint}. Train it again, or install the version it was made with."
        )
