"""Rewards, tasks, methods and models from outside: a Python file, or an installed package's entry points."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import sys
import traceback
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from rewardmark.rewards.errors import RewardmarkError

__all__ = ["load_entry_points", "load_plugin"]

log = logging.getLogger(__name__)


def load_plugin(path: str | Path) -> ModuleType:
    """Run the Python file at `path`, which registers what it brings. Loading the same file again changes nothing.

    Raises RewardmarkError, naming the file and the line, when it is missing or fails; nothing that it had registered
    before failing stays registered.
    """
    from rewardmark.rewards import registry

    file = Path(path)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RewardmarkError(f"plug-in {file}: {error.strerror or error}") from error
    key = hashlib.sha256(str(file.resolve()).encode() + b"\0" + content).hexdigest()[:12]
    name = f"rewardmark_plugin_{key}"
    if name in sys.modules:
        return sys.modules[name]
    registry._load_all()  # built-in names come first: a plug-in that takes one is the one to be told
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise RewardmarkError(f"plug-in {file}: not a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    before = registry._snapshot()
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        registry._restore(before)
        raise RewardmarkError(f"plug-in {_place(file, error)}: {_one_line(error)}") from error
    return module


def load_entry_points(group: str) -> list[str]:
    """Import every entry point of `group` from installed packages; returns the names that loaded.

    One that fails is logged with its package and reason and left out: a broken package must not stop everything else.
    """
    names = []
    for entry in entry_points(group=group):
        try:
            entry.load()
        except Exception as error:
            package = entry.dist.name if entry.dist else "?"
            log.warning("entry point %s of package %s (%s): %s", entry.name, package, group, _one_line(error))
        else:
            names.append(entry.name)
    return names


def _place(file: Path, error: Exception) -> str:
    """FILE:LINE of the last frame inside the plug-in itself."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f"{file}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f"{file}:{lines[-1]}" if lines else str(file)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, RewardmarkError) and text else f"{type(error).__name__}: {text}"
