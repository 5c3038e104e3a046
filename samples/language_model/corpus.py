"""The text of the language model: Jane Austen's six novels, read from a Debian package.

The package ``r-cran-janeaustenr`` carries the novels (published 1811 to 1817, in the public domain)
as objects of the R language. Nothing of R is needed to read them: a ``.deb`` is an ``ar`` archive
that holds a tar file, and the novels lie in it as vectors of lines in R's serialisation format,
compressed by zlib.

    apt-get download r-cran-janeaustenr
"""

import io
import lzma
import re
import struct
import tarfile
import zlib
from collections import Counter
from pathlib import Path

UNKNOWN, END = "<unk>", "<eos>"
"""The token of every word outside the vocabulary, and the token that ends a paragraph."""

NOVELS = (
    "sensesensibility",
    "prideprejudice",
    "mansfieldpark",
    "emma",
    "northangerabbey",
    "persuasion",
)

DATA_FOLDER = "./usr/lib/R/site-library/janeaustenr/data/"

# A word (with inner apostrophes and hyphens), a number, a dash, or one mark.
TOKEN = re.compile(r"[a-z]+(?:['-][a-z]+)*|[0-9]+|--|[.,;:!?\"()]")
# A title or a short form whose full stop does not end a sentence.
SHORT = re.compile(r"\b(mr|mrs|dr|st|messrs|esq)\.")
HEADING = re.compile(r"^(chapter|volume)\b|^(the end|finis)\b|^[0-9ivxlc.]+$", re.IGNORECASE)


def read_deb(path: Path) -> dict[str, bytes]:
    """Return the files of a Debian package, by name."""
    raw = path.read_bytes()
    if not raw.startswith(b"!<arch>\n"):
        raise SystemExit(f"{path.name} is not a Debian package")
    position = 8
    while position < len(raw):
        name, size = raw[position : position + 16].strip(), int(raw[position + 48 : position + 58])
        body = raw[position + 60 : position + 60 + size]
        position += 60 + size + size % 2
        if name.startswith(b"data.tar"):
            if name.startswith(b"data.tar.zst"):
                raise SystemExit("unpack this package by hand: its data are compressed by zstd")
            data = lzma.decompress(body) if b".xz" in name else body
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}
    raise SystemExit(f"{path.name} holds no data")


class RReader:
    """Reads what vectors and lists need of R's serialisation format (XDR, versions 2 and 3)."""

    def __init__(self, data: bytes):
        self.data, self.position, self.references = data, 0, []
        if self.take(2) != b"X\n":
            raise ValueError("not in R's XDR format")
        version, _, _ = self.int(), self.int(), self.int()
        if version == 3:
            self.take(self.int())

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        self.position += count
        return self.data[self.position - count : self.position]

    def int(self) -> int:
        """Return the next 32-bit integer."""
        return struct.unpack(">i", self.take(4))[0]

    def value(self):
        """Return the next value: text, list, dict of a pair list, or None."""
        flags = self.int()
        kind, attributes, tag = flags & 255, flags & 512, flags & 1024
        if kind in (253, 254, 242):  # empty environment, NULL, base environment
            return None
        if kind == 255:
            return self.references[(flags >> 8 or self.int()) - 1]
        if kind == 1:
            self.references.append(self.value())
            return self.references[-1]
        if kind == 2:
            pairs = {}
            while kind == 2:
                if attributes:
                    self.value()
                key = self.value() if tag else len(pairs)
                pairs[key] = self.value()
                flags = self.int()
                kind, attributes, tag = flags & 255, flags & 512, flags & 1024
            return pairs
        if kind == 9:
            size = self.int()
            coding = "latin-1" if flags & 1 << 14 else "utf-8"
            return None if size == -1 else self.take(size).decode(coding)
        if kind in (10, 13):
            result = [self.int() for _ in range(self.int())]
        elif kind == 14:
            size = self.int()
            result = list(struct.unpack(f">{size}d", self.take(8 * size)))
        elif kind in (16, 19):
            result = [self.value() for _ in range(self.int())]
        else:
            raise ValueError(f"R type {kind} is not read here")
        if attributes:
            names = (self.value() or {}).get("names")
            if names:
                return dict(zip(names, result, strict=True))
        return result


def paragraphs(lines: list[str]):
    """Yield the paragraphs of a novel in lower case, without title, headings and end mark."""
    first = next(i for i, line in enumerate(lines) if re.match("chapter", line, re.IGNORECASE))
    current: list[str] = []
    for line in map(str.strip, [*lines[first:], ""]):
        # An editor's words behind Northanger Abbey.
        if line.lstrip("*").startswith("A NOTE ON THE TEXT"):
            break
        if line and not HEADING.match(line):
            current.append(line)
        elif current:
            yield " ".join(current).lower()
            current = []


def tokenize(paragraph: str) -> list[str]:
    """Split a paragraph into words and marks; an end token closes it."""
    plain = paragraph.replace("\u2019", "'").replace("_", "")
    plain = plain.replace("\u201c", '"').replace("\u201d", '"')
    return [*TOKEN.findall(SHORT.sub(r"\1", plain)), END]


def read_novels(path: Path) -> dict[str, list[str]]:
    """Return the tokens of each novel of the package at ``path``."""
    files = read_deb(path)
    index = RReader(zlib.decompress(files[DATA_FOLDER + "Rdata.rdx"], 31)).value()
    store = files[DATA_FOLDER + "Rdata.rdb"]
    novels = {}
    for name in NOVELS:
        start, length = index["variables"][name]
        # Each entry: length when unpacked, then zlib data (R calls this compression type 1).
        lines = RReader(zlib.decompress(store[start + 4 : start + length])).value()
        novels[name] = [token for text in paragraphs(lines) for token in tokenize(text)]
    return novels


def vocabulary(tokens: list[str], size: int) -> list[str]:
    """Return a vocabulary of ``size``: the two special tokens, then words by frequency."""
    counts = Counter(token for token in tokens if token != END)
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    return [UNKNOWN, END, *ranked[: size - 2]]
