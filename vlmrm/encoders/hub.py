"""Fetching weights from the Hugging Face hub: its cache first, and only a short wait where it cannot be reached.

Left alone, huggingface_hub asks six times and for several files, about a minute, before it says that it is offline.
"""

import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from vlmrm.encoders.cards import builtin_names
from vlmrm.errors import OfflineError, UnknownModel

PROBE_TIMEOUT_S = 5.0
WEIGHT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


def hub_file(repository: str, filenames: Sequence[str], *, wanted_for: str) -> Path:
    """The first of several files that a hub repository has.

    Args:
        repository: ``owner/name``.
        filenames: In order of preference.
        wanted_for: The name of the model, for the error message.

    Returns:
        Where the file lies in the hub's cache on this machine.

    Raises:
        OfflineError: No file is in the cache, and the hub cannot be reached or is switched off.
        UnknownModel: There is no such repository, or it has none of the files.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    cached = cached_file(repository, filenames)
    if cached is not None:
        return cached
    require_hub(wanted_for)
    missing: Exception | None = None
    for filename in filenames:
        try:
            return Path(hf_hub_download(repository, filename))
        except LocalEntryNotFoundError as error:
            raise _offline(wanted_for, str(error)) from error
        except EntryNotFoundError as error:
            missing = error
        except HfHubHTTPError as error:
            raise UnknownModel(f"the hub does not give out {repository!r}: {error}") from error
    raise UnknownModel(
        f"{repository!r} on the hub is no OpenCLIP model: it has none of {', '.join(filenames)}. A CLIP or SigLIP in "
        f"Hugging Face's form is loaded as hf-image:{repository}."
    ) from missing


def hub_folder(repository: str, patterns: Sequence[str], *, wanted_for: str) -> Path:
    """The files of a hub repository whose names match, downloaded where they are not there.

    Args:
        repository: ``owner/name``.
        patterns: Such as ``*.json``.
        wanted_for: The name of the model, for the error message.

    Returns:
        A folder in the hub's cache on this machine.

    Raises:
        OfflineError: The hub cannot be reached or is switched off.
        UnknownModel: There is no such repository.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    require_hub(wanted_for)
    try:
        return Path(snapshot_download(repository, allow_patterns=list(patterns)))
    except LocalEntryNotFoundError as error:
        raise _offline(wanted_for, str(error)) from error
    except HfHubHTTPError as error:
        raise UnknownModel(f"the hub does not give out {repository!r}: {error}") from error


def cached_file(repository: str, filenames: Sequence[str]) -> Path | None:
    """The first of several files that the hub's cache on this machine has; None: it has none.

    Raises:
        UnknownModel: No repository can have this name.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = [try_to_load_from_cache(repository, filename) for filename in filenames]
    except HFValidationError as error:
        raise UnknownModel(f"{repository!r} is no repository of the hub; they are called owner/name.") from error
    return next((Path(path) for path in found if isinstance(path, str)), None)


def require_hub(wanted_for: str) -> None:
    """Make sure that the hub answers, before huggingface_hub starts to ask again and again.

    Raises:
        OfflineError: It is switched off by ``HF_HUB_OFFLINE``, or did not answer within `PROBE_TIMEOUT_S`.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise _offline(wanted_for, "HF_HUB_OFFLINE is set")
    try:
        urllib.request.urlopen(
            urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=PROBE_TIMEOUT_S
        ).close()
    except urllib.error.HTTPError:
        return  # it answered
    except OSError as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLError):
            return  # it is there; huggingface_hub has certificates of its own
        raise _offline(wanted_for, f"{constants.ENDPOINT} cannot be reached ({reason})") from error


def _offline(wanted_for: str, reason: str) -> OfflineError:
    builtin = ", ".join(builtin_names()) or "none in this installation"
    return OfflineError(
        f"{wanted_for!r} needs a download, and {reason}. Offline these work: the built-in models ({builtin}), "
        "a checkpoint of your own as ARCHITECTURE/TAG:PATH (e.g. ViT-B-32/openai:weights.safetensors), and "
        "local-dir:FOLDER."
    )
