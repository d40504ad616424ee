"""Functions compiled by numba, kept on disk where that is possible."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["compiled"]

_LOG = logging.getLogger(__name__)
_told = False


def compiled(function: Callable[..., Any], *, inline: bool = False) -> Any:
    """`numba.njit` whose machine code is kept for the next process; it lets other threads run meanwhile.

    Division by zero gives what NumPy gives: asking each time costs more than dividing.
    `inline`: become part of the callers' code, for small steps of a loop that take many arrays, where the call itself
    would cost as much as the work (it makes compiling longer).

    numba keeps it beside the source, else in the user's cache folder, else where NUMBA_CACHE_DIR says. Where none of
    these can be written, the code is compiled anew in each process (some seconds), and a warning says so once.
    """
    global _told
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "forceinline": inline}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError as error:  # "no locator available": there is no folder that numba may write
        if "locator" not in str(error):
            raise
        if not _told:
            _told = True
            _LOG.warning(
                "compiled code cannot be kept beside %s or in the user's cache folder, so each process compiles for "
                "some seconds; set NUMBA_CACHE_DIR to a folder that can be written",
                function.__code__.co_filename,
            )
        return njit(**options)(function)
