"""Reading the context vectors that CoOp's published code saves, without running code that is hidden in the file."""

import pickle
import shlex
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity

from vlmrm.errors import EncoderError

_SAME_WEIGHTS = 0.99  # cosine of a token's vector in the file and in the model; half precision costs less than 1e-5


@dataclass(frozen=True, eq=False, kw_only=True)
class CoOpVectors:
    """What a file of CoOp holds."""

    path: Path
    """The file."""
    vectors: Float[Tensor, "m w"]
    """Learned vectors in front of the class, in float32."""
    start: Float[Tensor, " w"] | None
    """Vector of the start token in the model that they were learned with. None: the file does not say."""

    def is_of(self, start: Float[Tensor, " w"]) -> bool:
        """Whether they can have been learned with a model whose start token has this vector.

        Args:
            start: Vector of the model's start token.
        """
        return self.start is None or float(cosine_similarity(self.start, start.cpu(), dim=0)) > _SAME_WEIGHTS


def read_coop(path: str | Path) -> CoOpVectors:
    """Read a file in CoOp's layout, e.g. ``prompt_learner/model.pth.tar-50``.

    The layout is ``{"state_dict": {"ctx": ..., "token_prefix": ..., "token_suffix": ...}, ...}``. Of it, ``ctx`` is
    read, and ``token_prefix`` tells whether a model is the one that it was learned with.

    Args:
        path: The file.

    Raises:
        EncoderError: The file is missing, damaged, of another layout, or holds more than tensors and plain values.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "model.pth.tar-50"
        >>> torch.save({"state_dict": {"ctx": torch.zeros(4, 64)}, "epoch": 50}, file)
        >>> read_coop(file).vectors.shape
        torch.Size([4, 64])
    """
    path = Path(path).expanduser()
    state = _load(path)
    vectors = state.get("ctx")
    if not isinstance(vectors, Tensor) or vectors.ndim != 2 or any(name.startswith("meta_net") for name in state):
        found = f"ctx of shape {tuple(vectors.shape)}" if isinstance(vectors, Tensor) else "no ctx"
        raise EncoderError(
            f"{path} holds {found} beside {sorted(set(state) - {'ctx'})}; read are files of CoOp with one context for "
            "all classes, ctx of shape (vectors, width). A context for each class (CSC) and CoCoOp are not supported."
        )
    prefix = state.get("token_prefix")  # k 1 w: the same start token for each class
    start = prefix[0, 0].float() if isinstance(prefix, Tensor) and prefix.ndim == 3 else None
    if start is not None and start.shape != vectors.shape[1:]:
        raise EncoderError(f"{path} is damaged: ctx has a width of {vectors.shape[1]}, token_prefix of {len(start)}.")
    return CoOpVectors(path=path, vectors=vectors.float(), start=start)


def _load(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch finds odd about a file is said below, if it matters
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise EncoderError(
            f"{path} holds more than tensors and plain values, which could run code when it is loaded, so it was "
            "refused. CoOp saves its learning-rate schedule as such an object. If you trust the file's maker, this "
            f"line keeps only the tensors:\n{_conversion(path)}"
        ) from error
    except Exception as error:  # a damaged file can make the reader fail in any way
        raise EncoderError(f"{path} cannot be read ({type(error).__name__}: {error}). Fetch it again.") from error
    state = content.get("state_dict") if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise EncoderError(f"{path} is not a file of CoOp: it has no state_dict.")
    return state


def _conversion(path: Path) -> str:
    """One line for a shell."""
    code = (
        f"import torch; f = torch.load({str(path)!r}, map_location='cpu', weights_only=False); "
        f"torch.save({{'state_dict': dict(f['state_dict'])}}, {str(path) + '.tensors'!r})"
    )
    return f"python -c {shlex.quote(code)}"
