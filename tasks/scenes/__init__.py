"""Scenes: the procedural world that ships with the project. One graph a scene; pictures and all annotations follow
from it."""

from __future__ import annotations

from rewardmark.tasks.scenes.scene import Scene, make_scene
from rewardmark.tasks.scenes.world import CATEGORIES, GENERATOR_VERSION, HELD_OUT
from rewardmark.tasks.scenes.write import write_scenes

__all__ = ["CATEGORIES", "GENERATOR_VERSION", "HELD_OUT", "Scene", "make_scene", "write_scenes"]
