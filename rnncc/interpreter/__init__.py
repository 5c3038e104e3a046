"""NumPy semantics of the dialects."""
