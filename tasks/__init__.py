"""What is asked? Data sets in the field's file formats, official evaluators, and the generated Scenes world."""

from __future__ import annotations

from rewardmark.tasks.base import Features, Metric, Statistics, Task, get_task, list_tasks, register_task

__all__ = ["Features", "Metric", "Statistics", "Task", "get_task", "list_tasks", "register_task"]
