"""The dialects of rnncc; import them only as ``rnncc.dialects``."""

if __name__ != "rnncc.dialects":
    # A second import path would make a second set of classes, equal to nothing.
    raise ImportError(f"import rnncc.dialects, not {__name__}")
