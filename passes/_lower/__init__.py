"""How nn and rnn operations become npu instructions: the parts of the pass `lower-to-npu`."""
