"""The passes of rnncc; import them only as ``rnncc.passes``."""

if __name__ != "rnncc.passes":
    # A second import path would make a second set of classes, equal to nothing.
    raise ImportError(f"import rnncc.passes, not {__name__}")
