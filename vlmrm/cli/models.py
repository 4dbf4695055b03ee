"""``vlmrm models``: the built-in models, the words they know, and how to name others."""

from collections.abc import Sequence
from dataclasses import asdict
from textwrap import fill
from typing import Any

from vlmrm.atomic import json_text
from vlmrm.cli.arguments import Models
from vlmrm.cli.table import format_table
from vlmrm.encoders import ModelCard, list_models
from vlmrm.errors import UnknownModel, near_matches

_OTHERS = """
The built-in models know only the small world above. Any other model by its name:
  ViT-L-14/openai               NAME/TAG of OpenCLIP; downloaded once
  ViT-B-32/openai:weights.pt    weights of your own, prepared like those of a tag
  hf-hub:OWNER/NAME             a repository in OpenCLIP's format
  local-dir:FOLDER              a folder in OpenCLIP's format
  hf-image:OWNER/NAME           a CLIP or SigLIP in Hugging Face's format; or local-dir:FOLDER
  hf-video:OWNER/NAME           an X-CLIP of the Hugging Face hub, which sees clips
  random:NAME#7                 the same architecture untrained, with seed 7: a control
  0.3*NAME + 0.7*NAME           several as one, by the weighted mean of their logits
All names and tags: python -c "import open_clip; print(open_clip.list_pretrained())\""""


def run(given: Models) -> int:
    """Print them."""
    cards = {card.name: card for card in list_models()}
    for name in given.names:
        if name not in cards:
            raise UnknownModel(f"there is no built-in model {name!r}. Near: {near_matches(name, cards)}.")
    chosen = [cards[name] for name in given.names or cards]
    if given.json:
        print(json_text([_plain(card) for card in chosen], ascii_only=True))
    else:
        _print(chosen, words=bool(given.names))
    return 0


def _plain(card: ModelCard) -> dict[str, Any]:
    by_scene = {scene: sorted(words) for scene, words in card.words_by_scene.items()}
    return asdict(card) | {"words": sorted(card.words), "words_by_scene": by_scene}


def _print(cards: Sequence[ModelCard], *, words: bool) -> None:
    rows = [[card.name, f"{card.parameters / 1e6:.1f} M", f"{card.size_px} px", str(card.dim)] for card in cards]
    print(format_table(["model", "numbers", "picture", "embedding"], rows))
    for card in cards:
        print(f"\n{card.name}: {card.description}")
        if words:
            for scene, known in (card.words_by_scene or {"all scenes": card.words}).items():
                print(f"\n  words of sentences about {scene}:")
                print(fill(" ".join(sorted(known)), width=100, initial_indent="    ", subsequent_indent="    "))
        else:
            print("\n".join(f"  knows {line}" for line in card.knows))
    if not words:
        print(_OTHERS)
