"""Functions compiled by numba, kept on disk where that is possible."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["compiled"]

_LOG = logging.getLogger(__name__)
_told = False


def compiled(function: Callable[..., Any]) -> Any:
    """`numba.njit` whose machine code is kept for the next process; it lets other threads run meanwhile.
    Division by zero gives what NumPy gives: asking each time costs more than dividing.

    numba keeps it beside the source, else in the user's cache folder, else where NUMBA_CACHE_DIR says. Where none of
    these can be written, the code is compiled anew in each process (some seconds), and a warning says so once.
    """
    global _told
    try:
        return njit(cache=True, nogil=True, error_model="numpy")(function)
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
        return njit(nogil=True, error_model="numpy")(function)
