"""speculate-words: a generator guesses its next words and runs them together.

Needs: an rnn.while of which one state is a word: a whole number that an embedding is looked up by and
that an arg-max (of the logits, or of logits and noise) makes. Recurrences of the step must be rnn.scan
(decompose-cells). Ensures: a turn of the while drafts ``width`` words, runs the step over the last word
and the drafted ones as one rnn.scan, keeps the words that the step itself has made as long as the
drafted ones agree, and one more, and goes on from the states behind the last right word. Exact: the
words, the states, the number of steps and the outputs are those of the while without speculation, token
for token (products for several words add in the order of products for one, as on the machine's arrays;
where a host's library does not, logits that are equal but for rounding could change places).

Run split-scans, hoist-input-projection and hoist-output-projection behind it: the scan over the words
knows all of them at once, so that the embedding, the input projections, those of upper layers and the
vocabulary projection become one product each; the recurrent products stay serial. A wrong guess cannot
end the serial part early: whether it is wrong is known only from the vocabulary projection, which is
shared by all words because it comes after.

``draft``: ``ngram``, the words that most often follow the last ``order - 1`` in a file of tokens;
``history``, what followed the last two words when they occurred before in the generated text, else what
the n-grams of ``tokens`` say, or without such a file what followed the last word; ``model``, the best words
of a smaller step model, an ONNX file, that runs ahead.

Sampling: a guess is one word, so that its draft distribution q is all on it. The rule of speculative
sampling (accept with probability min(1, p / q) = p(guess), else draw from max(0, p - q) normalised) is
then: draw a word of p; accept when it is the guess, else it is the word. That is what a turn does,
because the step's own sampler runs at each drafted word; its random state is a state as all others, so
that even a sampled text is the same word for word.

What is declined, with a remark: a while without such a word, or with several texts at once.

Source: Ouyang, Yin, Wei, DAC 2017 (word speculation); Leviathan, Kalman, Matias 2023 (arXiv:2211.17192)
and Chen et al. 2023 (arXiv:2302.01318) (speculative decoding).
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects._main import output_names
from rnncc.dialects._types import node_name
from rnncc.dialects.rnn import ScanOp, WhileOp
from rnncc.errors import PassError, nearest
from rnncc.passes._counter_output import add_output
from rnncc.passes._draft_history import HistoryDraft
from rnncc.passes._draft_model import ModelDraft, read_model
from rnncc.passes._draft_ngram import NgramDraft
from rnncc.passes._drafts import Draft
from rnncc.passes._emit import Emitter
from rnncc.passes._lower.budget import budget_of
from rnncc.passes._ngrams import LONGEST, MOST_CLASSES, learn, read_tokens
from rnncc.passes._remarks import remark, title
from rnncc.passes._speculate_loop import (
    Declined,
    Words,
    as_while,
    counted,
    drop_counting_from_end,
    find_words,
)
from rnncc.passes._speculate_turn import Speculated, Speculation
from rnncc.passes._split_states import split_states
from rnncc.speculated import PREFIX, turns_name

DRAFTS = ("ngram", "history", "model")
WIDEST = 64
"""Most guesses a turn."""
NEAR_SHARE = 0.2
"""A table that takes no more of the vector memory stays there."""


@dataclass(frozen=True)
class SpeculateWordsPass(ModulePass):
    """A generator drafts words, verifies them together and keeps the right ones.

    Raises:
        PassError: a width, an order or a draft that does not exist; options that do not belong together.
        InputError: a file of tokens that is missing, empty or outside the vocabulary.
    """

    name = "speculate-words"

    width: int = 4
    """Guesses a turn, 1 or more."""
    draft: str = "history"
    """Where guesses come from: ngram, history or model."""
    tokens: str = ""
    """A file of tokens to learn n-grams from, .npz (array ``tokens``), .npy or text; history may do without."""
    order: int = 3
    """Of the n-grams: how many words the longest have; 2 looks at the last word only."""
    model: str = ""
    """For model: an ONNX file, a step model of the same vocabulary."""
    pairs: tuple[str, ...] = ()
    """For model: its ``OUTPUT:INPUT``, logits and token first; what generates is fed back by the same names if left
    out."""
    target: str = "edge"
    """Machine name or description file: its vector memory decides where tables are."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Speculate every while of the module that generates words."""
        self._check()
        for loop in [inner for inner in op.walk() if isinstance(inner, ScanOp | WhileOp)]:
            if isinstance(loop, ScanOp) and not counted(loop):
                continue
            try:
                self._speculate(ctx, loop)
            except Declined as reason:
                if isinstance(loop, WhileOp):
                    remark(loop, self.name, f"{title(loop)} is not speculated: {reason}")

    def _check(self) -> None:
        if not 1 <= self.width <= WIDEST:
            raise PassError(
                f"{self.name}{{width={self.width}}}: a turn guesses 1 to {WIDEST} words"
            )
        if self.draft not in DRAFTS:
            known = ", ".join(DRAFTS)
            raise PassError(
                f"{self.name}{{draft={self.draft}}}: no such draft (there are {known})",
                nearest(self.draft, DRAFTS),
            )
        if not 2 <= self.order <= LONGEST:
            raise PassError(f"{self.name}{{order={self.order}}}: n-grams have 2 to {LONGEST} words")
        if self.draft == "ngram" and not self.tokens:
            raise PassError(
                f"{self.name}{{draft=ngram}}: the n-grams of what text?", "give tokens=FILE"
            )
        if (self.draft == "model") != bool(self.model):
            raise PassError(
                f"{self.name}{{draft={self.draft}}}: draft=model and model=FILE belong together"
            )

    def _speculate(self, ctx: Context, whole: ScanOp | WhileOp) -> None:
        find_words(whole)
        if whole.count < 1:
            raise Declined("it never does a step")
        loop = split_states(as_while(whole) if isinstance(whole, ScanOp) else whole)
        assert isinstance(loop, WhileOp)
        words = find_words(loop)
        drop_counting_from_end(loop.state_args[words.state])
        made = Speculation(loop, words.state, self._draft(ctx, loop, words), self.width).build()
        for old, value in zip(loop.results, made.results, strict=True):
            value.name_hint = old.name_hint
            old.replace_all_uses_with(value)
        remark(loop, self.name, f"{title(loop)} runs {self.width} guessed words with each one it "
               f"knows (draft {self.draft})")  # fmt: skip
        if isinstance(loop.parent_op(), func.FuncOp):
            self._count(loop, made)
        loop.detach()
        loop.erase()

    def _count(self, loop: WhileOp, made: Speculated) -> None:
        """Let the program write how many words it made in how many turns."""

        def counter(emit: Emitter) -> SSAValue:
            both = (made.count, made.turns)
            return emit(nn.ConcatOp([emit.reshape(v, (1,), ("",)) for v in both], 0))

        function = loop.parent_op()
        assert isinstance(function, func.FuncOp)
        number = sum(name.startswith(PREFIX) for name in output_names(function))
        add_output(loop, turns_name(number, self.width, node_name(loop)), counter)

    def _draft(self, ctx: Context, loop: WhileOp, words: Words) -> Draft:
        if self.draft == "history":
            other = self._table(loop, words, 0.0) if self.tokens else None
            # The text is searched meanwhile: a table in off-chip memory is early enough.
            return HistoryDraft(loop.count, self.width, other)
        if self.draft == "model":
            step = read_model(ctx, self.model, self.pairs, words.vocabulary)
            return ModelDraft(step, self.width)
        return self._table(loop, words, NEAR_SHARE)

    def _table(self, loop: WhileOp, words: Words, share: float) -> NgramDraft:
        tokens = read_tokens(self.tokens, words.vocabulary)
        room = budget_of(self.target, loop).vmem * share
        table = learn(tokens, words.vocabulary, self.order, self.width, MOST_CLASSES)
        return NgramDraft(table, near=table.rows.nbytes <= room)
