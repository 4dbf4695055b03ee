"""``vlmrm models``: the built-in models, and how to name others."""

from dataclasses import asdict

from vlmrm.atomic import json_text
from vlmrm.cli.arguments import Models
from vlmrm.cli.table import format_table
from vlmrm.encoders import list_models

_OTHERS = """
The built-in models know only the small world above. Any other model by its name:
  ViT-L-14/openai               NAME/TAG of OpenCLIP; downloaded once
  ViT-B-32/weights.safetensors  an OpenCLIP architecture with weights of your own
  hf-hub:OWNER/NAME             a repository in OpenCLIP's format
  local-dir:FOLDER              a folder in OpenCLIP's format
  hf-video:OWNER/NAME           an X-CLIP of the Hugging Face hub, which sees clips
  random:NAME#7                 the same architecture untrained, with seed 7: a control
  0.3*NAME + 0.7*NAME           several as one, by the weighted mean of their logits
All names and tags: python -c "import open_clip; print(open_clip.list_pretrained())\""""


def run(given: Models) -> int:
    """Print them."""
    cards = list_models()
    if given.json:
        plain = [asdict(card) | {"words": sorted(card.words)} for card in cards]
        print(json_text(plain, ascii_only=True))
        return 0
    rows = [[card.name, f"{card.parameters / 1e6:.1f} M", f"{card.size_px} px", str(card.dim)] for card in cards]
    print(format_table(["model", "numbers", "picture", "embedding"], rows))
    for card in cards:
        print(f"\n{card.name}: {card.description}")
        print("\n".join(f"  knows {line}" for line in card.knows))
    print(_OTHERS)
    return 0
