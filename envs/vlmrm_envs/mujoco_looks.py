"""What the MuJoCo scenes look like: Gymnasium's own models, plain or painted anew when they load.

Rocamonde et al. 2024 found that the look decides: of an agent trained to kneel, 36 % succeeded with Gymnasium's own
picture, 91 % with other textures and 100 % with another camera as well. Theirs were image files; these are a few
colours in MuJoCo's own patterns, put into Gymnasium's XML with `mujoco.MjSpec`. Nothing but the picture changes.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mujoco

from vlmrm.errors import SpecError, near_matches

Colour = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Look:
    """Colours, red green blue, 0 to 1, and how the light falls."""

    sky: Colour = (0.45, 0.66, 0.90)
    """Colour of the sky overhead."""
    horizon: Colour = (0.94, 0.96, 0.98)
    """Colour of the sky where it meets the floor."""
    floor: Colour = (0.78, 0.74, 0.68)
    """Colour of every other tile of the floor."""
    tiles: Colour = (0.70, 0.66, 0.60)
    """Colour of the tiles between."""
    body: Colour = (0.62, 0.66, 0.72)
    """Colour of what moves, grey as metal; parts that Gymnasium tells apart by their colours keep them."""
    reflectance: float = 0.0
    """How much the floor mirrors, 0 to 1; a mirror image doubles the body."""
    light: float = 0.8
    """Brightness of the lamps, 0 to 1."""


LOOKS: Mapping[str, Look | None] = {"plain": None, "textured": Look()}
"""The looks by name; ``plain`` is Gymnasium's own."""


def find_look(name: str | Look) -> Look | None:
    """Find the look of this name, or return the look itself; None: leave everything as it is.

    Raises:
        SpecError: There is no look of this name; the message lists those there are.
    """
    if isinstance(name, Look):
        return name
    if name not in LOOKS:
        raise SpecError(f"unknown look {name!r}. Near: {near_matches(name, LOOKS)}. Known: {', '.join(LOOKS)}.")
    return LOOKS[name]


def load_model(path: str, look: Look | None) -> Any:
    """Load a model from an XML file and paint it.

    Args:
        path: Path of the XML file.
        look: Colours to paint it in; None: those of the file.

    Returns:
        A `mujoco.MjModel` with the physics of the file.

    Raises:
        SpecError: The file is missing or is not a MuJoCo model.

    Example:
        >>> from gymnasium.envs.mujoco.mujoco_env import expand_model_path
        >>> load_model(expand_model_path("hopper.xml"), Look()).body("torso").name
        'torso'
    """
    try:
        spec = mujoco.MjSpec.from_file(path)
        if look is not None:
            _paint(spec, look)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*settotalmass")  # deprecated, and in Gymnasium's half_cheetah.xml
            return spec.compile()
    except (ValueError, OSError) as error:
        raise SpecError(f"{path} is not a MuJoCo model that can be loaded: {error}") from error


def _paint(spec: Any, look: Look) -> None:
    """Give sky, floor and body their new colours; the floor is the plane."""
    skies = [texture for texture in spec.textures if texture.type == mujoco.mjtTexture.mjTEXTURE_SKYBOX]
    sky = skies[0] if skies else spec.add_texture(name="vlmrm_sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX)
    sky.builtin, sky.width, sky.height = mujoco.mjtBuiltin.mjBUILTIN_GRADIENT, 64, 384
    sky.rgb1, sky.rgb2 = look.horizon, look.sky
    spec.add_texture(
        name="vlmrm_floor", type=mujoco.mjtTexture.mjTEXTURE_2D, builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=look.floor, rgb2=look.tiles, width=128, height=128, mark=mujoco.mjtMark.mjMARK_EDGE,
        markrgb=[0.6 * channel for channel in look.tiles],
    )  # fmt: skip
    floor = spec.add_material(
        name="vlmrm_floor", texrepeat=[1, 1], texuniform=True, reflectance=look.reflectance, specular=0.2
    )
    floor.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "vlmrm_floor"
    spec.add_material(name="vlmrm_body", rgba=[*look.body, 1.0], specular=0.5, shininess=0.5)
    for geom in spec.geoms:
        if geom.type == mujoco.mjtGeom.mjGEOM_PLANE:
            geom.material, geom.rgba = "vlmrm_floor", [1.0, 1.0, 1.0, 1.0]
        elif geom.material:  # those without one have colours that tell parts from each other
            geom.material, geom.rgba = "vlmrm_body", [*look.body, 1.0]
    for material in spec.materials:
        if not material.name.startswith("vlmrm_"):
            material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = ""
    for lamp in spec.lights:
        lamp.diffuse, lamp.specular = [look.light] * 3, [0.3] * 3
    spec.visual.headlight.ambient = [0.35] * 3
