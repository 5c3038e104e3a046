"""One self-contained HTML page about a compiled and simulated model: ``rnncc report``."""

from rnncc.page.build import write_page
from rnncc.page.stages import Stage, watch

__all__ = ["Stage", "watch", "write_page"]
