"""``rnncc compile --explain``: what each pass did to this model, in words and numbers.

While a pipeline runs, a :class:`~rnncc.explain.record.Recorder` looks at the module after every pass above the
machine. Where a pass changed something, a copy is taken the rest of the way without further transformations, and
run for its cycles: what the program would cost if compilation had stopped transforming there.
"""
