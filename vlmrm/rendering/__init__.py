"""Rendering: how a simulator's picture is drawn.

- `Camera`, `RenderQuality`: records that a task and a spec can hold.
- `vlmrm.rendering.mujoco`: `RenderMujoco`, pictures of MuJoCo environments from a camera of one's choice.
- `vlmrm.rendering.env_camera`: the view that an environment draws by itself, and checks that it does.
- `vlmrm.rendering.headless`: drawing without a display.
- `vlmrm.rendering.own_context`: environments that draw with OpenGL side by side, each into its own context.
"""

from vlmrm.rendering.camera import Camera, RenderQuality

__all__ = ["Camera", "RenderQuality"]
