"""Options of the transformations that are out of range, of the wrong type or unknown: one clear error each."""

import pytest

from rnncc.errors import RnnccError

from .stacks import Network, transform

WRONG = [
    ("unroll-timesteps{factor=0}", "factor=0}: the factor is a whole number from 1 on, or auto"),
    ("unroll-timesteps{factor=-3}", "whole number from 1 on"),
    ("unroll-timesteps{factor=1.5}", "whole number from 1 on"),
    ("unroll-timesteps{factor=true}", "whole number from 1 on"),
    ("unroll-timesteps{factor=1,2}", "option 'factor' takes a word or a whole number or a number, not 1,2"),
    ("unroll-timesteps{factor}", "option 'factor' takes a word or a whole number or a number, and was given no value"),
    ("unroll-timesteps{fator=2}", "did you mean 'factor'?"),
    ("unroll-timesteps{target=edgee}", "did you mean 'edge'?"),
    ("wavefront-layers{max-layers=1}", "a wavefront has 2 or more layers"),
    ("wavefront-layers{max-layers=two}", "option 'max-layers' takes a whole number, not two"),
    ("wavefront-layers{measure=3}", "option 'measure' takes true or false, not 3"),
    ("wavefront-layers{layers=3}", "(options: max-layers, always, measure, sums, target)"),
    ("wavefront-layers{target=edgee measure=true}", "did you mean 'edge'?"),
    ("fuse-directions{max-scans=1}", "one scan is made of 2 or more"),
    ("fuse-directions{max-scans=1.5}", "option 'max-scans' takes a whole number, not 1.5"),
    ("batch-sequences{size=0}", "size 0 is outside 1..65536"),
    ("batch-sequences{size=65537}", "outside 1..65536"),
    ("batch-sequences{policy=packed}", "did you mean 'pack'?"),
    ("batch-sequences{size=2 ragged=2}", "option 'ragged' takes true or false, not 2"),
    ("hoist-input-projection{policy=allways}", "did you mean 'always'?"),
    ("gate-frames{threshold=-0.1}", "a threshold is a number from 0 on"),
    ("gate-frames{threshold=much}", "a threshold is a number from 0 on"),
    ("gate-frames{metric=l3}", "metric"),
    ("speculate-words{width=0}", "a turn guesses 1 to 64 words"),
    ("speculate-words{width=65}", "a turn guesses 1 to 64 words"),
    ("speculate-words{draft=histroy}", "did you mean 'history'?"),
    ("speculate-words{order=1}", "n-grams have 2 to"),
    ("speculate-words{draft=ngram}", "give tokens=FILE"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text for text, _ in WRONG])
def test_out_of_range(text, message):
    module = Network(("gru", "gru"), batch=1).module()
    with pytest.raises(RnnccError) as error:
        transform(module, f"decompose-cells,{text}")
    assert message in str(error.value)
