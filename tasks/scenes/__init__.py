"""Scenes: the procedural world that ships with the project. One graph a scene; pictures and all annotations follow
from it. What draws is imported when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardmark.rewards._lazy import lazy_names
from rewardmark.tasks.scenes.world import CATEGORIES, GENERATOR_VERSION, HELD_OUT

if TYPE_CHECKING:
    from rewardmark.tasks.scenes.scene import Scene, make_scene
    from rewardmark.tasks.scenes.write import write_scenes
else:
    # Not for type checkers: a module with __getattr__ has every name for them, misspelt ones too.
    __getattr__, __dir__ = lazy_names(__name__, {"scene": ("Scene", "make_scene"), "write": ("write_scenes",)})

__all__ = ["CATEGORIES", "GENERATOR_VERSION", "HELD_OUT", "Scene", "make_scene", "write_scenes"]
