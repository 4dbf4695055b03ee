"""The options of ``vlmrm adapt``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional

from vlmrm.cli.arguments import Command
from vlmrm.training.options import open_option


@dataclass(frozen=True, kw_only=True)
class Adapt(Command):
    """Adapt a model to each query by a reward, and compare with what needs no gradient.

    vlmrm adapt classify pictures/ --policy ViT-B-16/openai --reward ViT-L-14/openai
    vlmrm adapt retrieve pictures/ --captions captions.csv --policy ViT-B-16/openai --reward ViT-L-14/openai
    vlmrm adapt classify pictures/ --labels classes.csv --policy sim-xs --reward sim-m --preset sim_image
    vlmrm adapt caption pictures/ --captions captions.csv --policy tab-cap --reward tab-m --preset tab_caption

    To classify, the folder has one folder of pictures for each class, or the pictures themselves with --labels. What
    was interrupted goes on where it was.
    """

    what: Annotated[Positional[str], open_option("classify|retrieve|caption")] = ""
    """What to adapt for."""
    folder: Annotated[Positional[str], open_option("FOLDER")] = ""
    """Folder of the pictures."""
    labels: Annotated[Path | None, open_option("FILE")] = None
    """CSV file with the columns frame and class."""
    classes: Annotated[Path | None, open_option("FILE")] = None
    """Names of the classes, one on each line. Default: those that pictures have."""
    dataset: Annotated[str, open_option("NAME")] = ""
    """Published set that the folder holds: imagenet, imagenet-a, imagenet-r, imagenet-v2, imagenet-sketch, cifar10,
    cifar100, or of imagenet-c, cifar10-c and cifar100-c one corruption and severity, as imagenet-c/fog/3."""
    per_class: Annotated[int | None, open_option("N")] = None
    """Only N pictures of each class, drawn by the seed. Default: all."""
    captions: Annotated[Path | None, open_option("FILE")] = None
    """To retrieve, or as references of captions: CSV file with the columns frame and caption, or a JSON file as COCO,
    NoCaps or Karpathy's splits."""
    split: Annotated[str, open_option("NAME")] = ""
    """Which of Karpathy's splits is read, such as test. Default: all."""
    direction: Annotated[
        Literal["both", "picture_to_text", "text_to_picture"], open_option("picture_to_text|text_to_picture")
    ] = "both"
    """What is searched for what. Default: both, one after the other."""
    policy: Annotated[str, open_option("NAME")] = "ViT-B-16/openai"
    """Model that is adapted, a captioner for captions. Default: ViT-B-16/openai."""
    reward: Annotated[str, open_option("NAME|FILE")] = "ViT-L-14/openai"
    """Model whose CLIPScore is the reward, with rivals its softmax over the answers, or a whole reward as .toml or
    .json. Default: ViT-L-14/openai."""
    template: Annotated[str, open_option("SENTENCE")] = "a photo of a {}."
    """Sentence with {} where the class goes. Default: a photo of a {}."""
    templates: Annotated[str, open_option("openai|simple|FILE")] = ""
    """Sentences of template_mean and auto_clip: open_clip's own, or a file with one on each line."""
    also: Annotated[tuple[str, ...], open_option("METHOD [METHOD ...]")] = ()
    """More methods beside: zero, mta, tda, template_mean, auto_clip, or another loss."""
    preset: Annotated[str, open_option("NAME")] = ""
    """Settings to begin with: image, prompt, prompt_fine_grained or tpt as published, image_to_text or text_to_image
    for retrieval, cap_dec or clip_cap for captions; sim_image, sim_tpt, tab_image_to_text, tab_text_to_image or
    tab_caption for built-in models. Default: image, that of the direction, or clip_cap."""
    method: Annotated[str, open_option("NAME")] = ""
    """Another loss: rlcf, expected_reward, kd, at_kd, tpt, c_tpt, tent or pseudo_label."""
    tune: Annotated[
        Literal["", "prompt", "image", "norm", "lora", "text", "mapper", "captioner"], open_option("WHAT")
    ] = ""
    """What is tuned instead: prompt, image, norm, lora or text; of captions mapper, or captioner: all that writes."""
    coop: Annotated[str | None, open_option("FILE")] = None
    """CoOp's learned words, which --tune prompt begins with."""
    steps: Annotated[int | None, open_option("N")] = None
    """Steps of each episode, instead of the preset's."""
    learning_rate: Annotated[float | None, open_option("RATE")] = None
    """Learning rate, instead of the preset's."""
    candidates: Annotated[int | None, open_option("K")] = None
    """Answers that are tried, instead of the preset's."""
    views: Annotated[int | None, open_option("N")] = None
    """Views of each picture, instead of the preset's."""
    rivals: Annotated[Literal["", "texts", "pictures"], open_option("texts|pictures")] = ""
    """Answers compete with one another, texts or pictures, in a softmax."""
    judge: Annotated[str, open_option("MODULE:CLASS")] = ""
    """For captions: what knows the facts of pictures, as vlmrm_envs.table_judge:TableJudge; made from --truths."""
    truths: Annotated[Path | None, open_option("FILE")] = None
    """File that the judge reads with its method read, given the names of the pictures."""
    seed: Annotated[int | None, open_option("N")] = None
    """Decides views, candidates, and what --per-class draws."""
    workers: Annotated[int, open_option("N")] = 1
    """Processes. Default: 1."""
    device: Annotated[str | None, open_option("NAME")] = None
    """cpu, cuda, ... Default: the best there is."""
    keep: Annotated[Path | None, open_option("FOLDER")] = None
    """Where the answers to each picture are kept. Default: --out without its ending."""
    out: Annotated[Path, open_option("FILE")] = Path("adapt.json")
    """The numbers as .json, or a page as .html with the numbers beside it. Default: adapt.json."""
    force: bool = False
    """Write over a file that is there."""
