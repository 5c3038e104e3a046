"""Seeing a run: its timeline, recorded instruction by instruction, as a trace for viewers or a page."""

from rnncc.timeline.record import LIMIT, Timeline, record

__all__ = ["LIMIT", "Timeline", "record"]
