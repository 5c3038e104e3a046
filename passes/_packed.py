"""Packed scans: rows sorted by length, so that those still running are the first ones."""

PACKED_ATTR = "rnn.packed"
"""On a scan with lens: they are in descending order (`batch-sequences`)."""
