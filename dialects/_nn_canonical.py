"""Canonicalization patterns of the nn dialect."""

from __future__ import annotations

from xdsl.pattern_rewriter import RewritePattern


def patterns_for(op_class: type) -> tuple[RewritePattern, ...]:
    """The canonicalization patterns of one nn operation class."""
    return ()
