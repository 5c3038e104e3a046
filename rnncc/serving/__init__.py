"""Serving on one machine: requests arrive, batches form, steps take the cycles that the simulator counts."""
