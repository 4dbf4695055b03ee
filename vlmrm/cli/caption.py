"""``vlmrm caption``: a captioner trained on composed rewards, and what one says of an agent."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vlmrm.cli.caption_arguments import Caption
from vlmrm.cli.caption_judges import read_judge, references_of
from vlmrm.cli.describe import describe
from vlmrm.cli.frame_progress import frame_progress
from vlmrm.data.caption_judge import summary
from vlmrm.data.classified import PictureFiles
from vlmrm.errors import SpecError, near_matches
from vlmrm.metrics.captions import DocumentFrequencies, cider_d
from vlmrm.rlcf.captions import CaptionTrainer, CaptionTraining, load_captioner, save_captioner
from vlmrm.rlcf.captions.held_out import Judge

_KINDS = ("train", "describe")


def run(given: Caption) -> int:
    """Train or describe."""
    if given.what not in _KINDS or not given.source:
        raise SpecError(
            "say what to do: vlmrm caption train FILE.toml --pictures FOLDER, or vlmrm caption describe RUN|VIDEO; "
            f"got {given.what!r} {given.source!r}. Near: {near_matches(given.what, _KINDS)}."
        )
    return _train(given) if given.what == "train" else describe(given)


def _train(given: Caption) -> int:
    if not given.pictures:
        raise SpecError("give the pictures to train on: --pictures FOLDER. They need no captions.")
    options = CaptionTraining.load(Path(given.source))
    captioner = load_captioner(options.captioner, device=given.device)
    folder = given.out or Path("runs") / Path(given.source).stem
    held_out, judge = _held_out(given)
    trainer = CaptionTrainer(
        captioner, options, PictureFiles.of_folder(given.pictures), folder, held_out=held_out, judge=judge
    )
    if trainer.updates:
        print(f"goes on after {trainer.updates} updates")
    show = frame_progress("done", what="updates")

    def tell(done: int, total: int, numbers: Mapping[str, float]) -> None:
        show(done, total)
        if "held_out_reward" in numbers:
            said = "  ".join(f"{name} {value:.3f}" for name, value in numbers.items() if name != "update")
            print(f"update {done}: {said}", flush=True)

    trainer.train(tell)
    save_captioner(trainer.captioner, folder / "captioner")
    print(f"wrote {folder}; the captioner is local-dir:{folder / 'captioner'}")
    return 0


def _held_out(given: Caption) -> tuple[PictureFiles | None, Judge | None]:
    if not given.held_out:
        if given.captions is not None or given.judge or given.truths is not None:
            raise SpecError("--captions, --judge and --truths are of held-out pictures. Give --held-out FOLDER.")
        return None, None
    if given.captions is not None:
        files, references = references_of(given.held_out, given.captions)
    else:
        files, references = PictureFiles.of_folder(given.held_out), []
    judges = []
    exact = read_judge(given.judge, given.truths, files.names)
    if exact is not None:

        def facts(said: Sequence[str]) -> dict[str, float]:
            found = summary([exact.judge(place, text) for place, text in enumerate(said)], exact.facts)
            return {
                "facts": found.facts_right.value, "false_things": found.false_objects.value,
                "sentences": found.in_grammar.value,
            }  # fmt: skip

        judges.append(facts)
    if references:
        known = DocumentFrequencies.of(references)
        judges.append(lambda said: {"cider_d": cider_d(said, references, known).mean})
    if not judges:
        return files, None
    return files, lambda said: {name: value for judge in judges for name, value in judge(said).items()}
