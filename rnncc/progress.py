"""A progress display on standard error for what takes over a second; silent when that is not a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

DELAY = 1.0
"""Seconds before anything is shown."""


@contextmanager
def stage(title: str) -> Iterator[Callable[[float], None]]:
    """Show ``title`` with a bar while the block runs, once it has run for a second.

    Yields:
        A function to call with the fraction done (0 to 1); without calls the bar only says that work goes on.
    """
    if not sys.stderr.isatty():
        yield lambda fraction: None
        return
    display = _Display(title)
    try:
        yield display.update
    finally:
        display.close()


class _Display:
    """Starts rich only when the delay has passed: importing it costs more than most runs."""

    def __init__(self, title: str):
        self.title = title
        self.fraction: float | None = None
        self.lock = threading.Lock()
        self.progress = None
        self.task = None
        self.closed = False
        self.timer = threading.Timer(DELAY, self._show)
        self.timer.daemon = True
        self.timer.start()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        with self.lock:
            if self.closed:
                return
            self.progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self.task = self.progress.add_task(self.title, total=None)
            self.progress.start()
        if self.fraction is not None:
            self.update(self.fraction)

    def update(self, fraction: float) -> None:
        self.fraction = fraction
        if self.progress is not None and self.task is not None:
            self.progress.update(self.task, total=1.0, completed=fraction)

    def close(self) -> None:
        with self.lock:
            self.timer.cancel()
            self.closed = True
            if self.progress is not None:
                self.progress.stop()
