"""The audit's driver: material from the Scenes world, the rewards one after another, and what is kept on disk."""

from __future__ import annotations
