"""Where a run's numbers come from: code, packages, machine, time."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["now", "package_versions", "provenance"]

_PACKAGES = (
    "rewardmark", "torch", "transformers", "tokenizers", "numpy", "scipy", "numba", "hotcoco", "pycocotools",
    "pycocoevalcap", "scikit-image", "pillow", "pandas", "pyarrow",
)  # fmt: skip


def now() -> str:
    """The time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def provenance(device: str, threads: int, started: str) -> dict[str, Any]:
    """The `provenance` of run.json. `finished` is the time of the call."""
    return {
        **_git(),
        "packages": package_versions(),
        "hardware": _hardware(device, threads),
        "python": platform.python_version(),
        "command": _command(sys.argv),
        "started": started,
        "finished": now(),
    }


def _command(arguments: list[str]) -> str:
    """The command line; of an absolute path only its end, since a run may be published and the machine is nobody's
    concern."""
    shown = [f".../{Path(word).name}" if Path(word).is_absolute() else word for word in arguments[1:]]
    return shlex.join([Path(arguments[0]).name or "python", *shown])


@lru_cache(maxsize=1)
def package_versions() -> dict[str, str]:
    """Versions of the packages that numbers depend on; a package that is not installed is left out."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@lru_cache(maxsize=1)
def _git() -> dict[str, Any]:
    """Commit and dirty flag of the checkout this package runs from; None for both when it runs from no checkout."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return {"git_commit": None, "git_dirty": None}
    try:
        commit = _output(root, "rev-parse", "HEAD")
        dirty = bool(_output(root, "status", "--porcelain"))
    except (OSError, subprocess.SubprocessError):  # no git here, or a checkout that git will not read
        return {"git_commit": None, "git_dirty": None}
    return {"git_commit": commit, "git_dirty": dirty}


def _output(root: Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()


def _hardware(device: str, threads: int) -> dict[str, Any]:
    import torch

    facts: dict[str, Any] = {
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": threads,
        "device": device,
    }
    if device.startswith("cuda"):
        facts["gpu"] = torch.cuda.get_device_name(device)
        facts["cuda"] = torch.version.cuda
    return facts


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
