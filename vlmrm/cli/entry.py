"""The entry point: reads the arguments, runs one command, and turns errors into one line."""

import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from inspect import getdoc
from operator import or_
from typing import Annotated, Any

import tyro

import vlmrm
from vlmrm.cli.adapt_arguments import Adapt
from vlmrm.cli.arguments import Command, Fit, Label, Models, Play, Report, Score, Search, Tasks, Train
from vlmrm.cli.audit_arguments import Audit
from vlmrm.cli.caption_arguments import Caption
from vlmrm.cli.empty_options import refuse_empty_options
from vlmrm.cli.improve_arguments import Improve
from vlmrm.errors import (
    CaptionWarning,
    EnvValueWarning,
    InvisibleGoalWarning,
    OutOfDomainWarning,
    ScaleWarning,
    SpecError,
    StillFramesWarning,
    SurvivalBonusWarning,
    VlmrmError,
    VlmrmWarning,
    WordingWarning,
    near_matches,
)

_OURS = (
    CaptionWarning
    | EnvValueWarning
    | InvisibleGoalWarning
    | OutOfDomainWarning
    | ScaleWarning
    | StillFramesWarning
    | SurvivalBonusWarning
    | WordingWarning
)
_PIPE_BROKEN = 141  # as a shell reports a program that SIGPIPE has ended

_DESCRIPTION = """Rewards from language: say what a picture should show, and train an agent on it.

  vlmrm tasks                      what can be trained
  vlmrm train cartpole/upright     from sentences to a trained agent
  vlmrm improve cartpole/upright   labels correct the reward while an agent trains on it
  vlmrm play runs/FOLDER           a video of what the agent does
  vlmrm score cartpole/upright DIR what the reward makes of pictures
  vlmrm fit cartpole/upright ...   correct it by a few labelled pictures
  vlmrm report cartpole/upright    how far it can be trusted, on one page
  vlmrm audit cartpole/upright     what fools it, probe by probe
  vlmrm search prompts TASK        a better sentence, camera or form of a reward
  vlmrm label DIR                  label pictures with one key each
  vlmrm adapt classify DIR         a model adapted to each picture by a reward
  vlmrm caption describe RUN       what a captioner says of an agent's frames

--version prints the version; --debug, anywhere, shows the traceback of an error."""

_SAID: Mapping[str, tuple[type[Command], str]] = {
    "train": (Train, "From sentences to a trained agent."),
    "improve": (Improve, "A reward corrected by labels while an agent trains on it."),
    "play": (Play, "A trained agent at work, as a video or in a window."),
    "score": (Score, "What a reward makes of pictures."),
    "fit": (Fit, "A reward corrected by a few labelled pictures."),
    "report": (Report, "How far rewards can be trusted, on one page."),
    "audit": (Audit, "What fools a reward: sentences, pictures, borders, pay for nothing."),
    "search": (Search, "A better sentence, camera or form of a reward."),
    "label": (Label, "Frames labelled with one key each, in a browser."),
    "adapt": (Adapt, "A model adapted to each picture or text by a reward."),
    "caption": (Caption, "A captioner trained on rewards, or what one says of an agent."),
    "tasks": (Tasks, "The tasks that can be trained by name."),
    "models": (Models, "The built-in models, and how to name others."),
}
COMMANDS = tuple(_SAID)


def command_type(*, with_examples: bool = False) -> Any:
    """Return the type that holds any command, as tyro reads it.

    Args:
        with_examples: Whether a command is described by all that its docstring says, as in its own help, or by a line.
    """
    known = [
        Annotated[command, tyro.conf.subcommand(name, description=_whole(command) if with_examples else said)]
        for name, (command, said) in _SAID.items()
    ]
    return reduce(or_, known)


def _whole(command: type[Command]) -> str:
    """The docstring of a command; lines that are indented stay lines."""
    return (getdoc(command) or "").replace("\nvlmrm ", "\n    vlmrm ")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Without the program's name; None: those of the process.

    Returns:
        The exit code: 0 done, 2 a mistake that is explained on stderr, 130 stopped by the user, 141 nobody reads what
        is printed any more, as when it is piped into ``head``.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for terminals that cannot show every character
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at its end
        return _PIPE_BROKEN


def _run(arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:
        print(f"vlmrm {vlmrm.__version__}")
        return 0
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    _show_warnings()
    try:
        _require_command(given)
        _refuse_former_option(given)
        if given and given[0] in _SAID:
            refuse_empty_options(_SAID[given[0]][0], given)
        with _plain_if_asked():
            command: Any = tyro.cli(
                command_type(with_examples=bool(given) and given[0] in COMMANDS),
                prog="vlmrm",
                description=_DESCRIPTION,
                args=given or ["--help"],
                config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
            )
        return int(command.run())
    except VlmrmError as error:
        if debug:
            traceback.print_exc()
        _say(f"vlmrm: error: {error}")
        return 2
    except KeyboardInterrupt:
        _say("vlmrm: interrupted.")
        return 130


def _require_command(given: Sequence[str]) -> None:
    if given and not given[0].startswith("-") and given[0] not in COMMANDS:
        near = near_matches(given[0], COMMANDS)
        raise SpecError(f"there is no command {given[0]!r}. Near: {near}. Known: {', '.join(COMMANDS)}.")


def _refuse_former_option(given: Sequence[str]) -> None:
    former = [option for option in given if option.partition("=")[0] in ("--offset", "--train.offset")]
    if given[:1] == ["train"] and former:
        raise SpecError(
            f"{former[0]} is no longer an option: the scaling of the reward takes a constant off. Write "
            "--reward.scaling 'subtract = 0.5' for an offset of 0.5; beside a divide, subtract grows by divide "
            "times the offset, and lowest and highest fall by the offset."
        )


@contextmanager
def _plain_if_asked() -> Iterator[None]:
    """Without colours where NO_COLOR is set, which tyro does not look at; it does at what the terminal can do."""
    terminal = os.environ.get("TERM")
    if terminal is None or not os.environ.get("NO_COLOR"):
        yield
        return
    os.environ["TERM"] = "dumb"
    try:
        yield
    finally:
        os.environ["TERM"] = terminal


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _show_warnings() -> None:
    """Ours as one line without the place in the source, which is of no use on a command line."""
    logging.basicConfig(level=logging.WARNING, format="vlmrm: %(message)s")
    usual = warnings.formatwarning

    def one_line(message: Any, category: Any, filename: str, lineno: int, line: str | None = None) -> str:
        if issubclass(category, _OURS) or category is VlmrmWarning:
            return f"vlmrm: warning: {message}\n"
        return usual(message, category, filename, lineno, line)

    warnings.formatwarning = one_line
