"""Tokens of assembler text, and errors that show where they stand."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from rnncc.errors import AssemblyError, nearest

_TOKEN = re.compile(
    r"""(?P<space>\s+|;.*)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<number>0[xX][0-9a-fA-F]+ | (?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)? )
      | (?P<name>\.?[A-Za-z_$/][\w$/]*(?:[.\-/]\w+)*)
      | (?P<mark>[\[\],:+\-*=@{}])""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """One token: its kind (``string``, ``number``, ``name``, ``mark``, ``end``), text and first column from 0."""

    kind: str
    text: str
    column: int


class Line:
    """The tokens of one line of text, read from left to right.

    Args:
        text: the line.
        number: from 1.
        source: name of the file, for messages.
    """

    def __init__(self, text: str, number: int, source: str):
        self.text, self.row, self.source = text, number, source
        self.tokens: list[Token] = []
        self.position = 0
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                what = (
                    "string is not closed"
                    if text[at] == '"'
                    else f"unexpected character {text[at]!r}"
                )
                raise self.error(what, at)
            if match.lastgroup and match.lastgroup != "space":
                self.tokens.append(Token(match.lastgroup, match[0], at))
            at = match.end()
        self.tokens.append(Token("end", "", len(text.rstrip())))

    @property
    def next(self) -> Token:
        """The token that comes next, not yet taken."""
        return self.tokens[self.position]

    def error(
        self, message: str, column: int | None = None, hint: str | None = None
    ) -> AssemblyError:
        """An error that points at a column (default: the next token)."""
        column = self.next.column if column is None else column
        caret = "".join("\t" if c == "\t" else " " for c in self.text[:column]) + "^"
        return AssemblyError(
            f"{self.source}:{self.row}:{column + 1}: {message}\n  {self.text}\n  {caret}", hint
        )

    def take(self, kind: str, what: str) -> Token:
        """The next token, which must be of a kind; ``what`` says in the error what was expected."""
        token = self.next
        if token.kind != kind:
            found = f"'{token.text}'" if token.text else "the end of the line"
            raise self.error(f"expected {what}, found {found}")
        self.position += 1
        return token

    def accept(self, text: str) -> bool:
        """Take the next token if it is this mark or name."""
        if self.next.kind in ("mark", "name") and self.next.text == text:
            self.position += 1
            return True
        return False

    def expect(self, text: str) -> None:
        """Take this mark or name, or fail."""
        if not self.accept(text):
            found = f"'{self.next.text}'" if self.next.text else "the end of the line"
            raise self.error(f"expected '{text}', found {found}")

    def end(self) -> None:
        """Fail unless the whole line was read."""
        if self.next.kind != "end":
            raise self.error(f"unexpected '{self.next.text}' after the end of the statement")

    def integer(self, what: str) -> int:
        """An integer with an optional sign, decimal or hexadecimal."""
        negative = self.accept("-")
        token = self.take("number", what)
        try:
            value = int(token.text, 0) if token.text[:2] in ("0x", "0X") else int(token.text)
        except ValueError:
            raise self.error(f"expected {what}, found '{token.text[:40]}'", token.column) from None
        return -value if negative else value

    def number(self, what: str) -> float | int:
        """An integer or floating-point number; ``inf`` and ``nan`` are numbers too."""
        if self.next.kind == "mark" and self.tokens[self.position + 1].text in ("inf", "nan"):
            self.expect("-")
            return -float(self.take("name", what).text)
        if self.next.text in ("inf", "nan"):
            return float(self.take("name", what).text)
        token = self.tokens[self.position + (self.next.text == "-")]
        if (
            token.kind == "number"
            and token.text[:2] not in ("0x", "0X")
            and re.search(r"[.eE]", token.text)
        ):
            negative = self.accept("-")
            value = float(self.take("number", what).text)
            return -value if negative else value
        return self.integer(what)

    def register(self) -> int:
        """A register r0 to r31."""
        token = self.take("name", "a register")
        match = re.fullmatch(r"r(\d{1,2})", token.text)
        if match is None or int(match[1]) > 31:
            raise self.error(
                f"'{token.text}' is no register", token.column, "registers are r0 to r31"
            )
        return int(match[1])

    def quoted(self, what: str) -> str:
        """A name: bare, or any text as a JSON string."""
        if self.next.kind != "string":
            return self.take("name", what).text
        token = self.take("string", what)
        try:
            return json.loads(token.text)
        except ValueError:
            raise self.error("bad escape in the string", token.column) from None

    def choice(self, what: str, candidates: object) -> str:
        """A name that must be among the candidates; the error gives the nearest."""
        names = list(candidates)  # type: ignore[call-overload]
        token = self.take("name", what)
        if token.text not in names:
            hint = nearest(token.text, names) or f"known: {', '.join(names)}"
            raise self.error(f"unknown {what} '{token.text}'", token.column, hint)
        return token.text


def quote(name: str) -> str:
    """A name as the assembler reads it: bare when that is unambiguous, else as a JSON string."""
    bare = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and not re.fullmatch(
        r"r\d+|inf|nan|at|hex|segment", name
    )
    return name if bare else json.dumps(name)
