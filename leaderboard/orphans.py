"""Child processes that end with the process that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait

__all__ = ["end_with_the_parent"]


def end_with_the_parent() -> None:
    """To be called in a child: a parent that is killed cannot tell its children. They end with it, instead of working
    on unseen; what they have saved is gone on from."""
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
