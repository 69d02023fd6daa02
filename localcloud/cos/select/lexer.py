"""SQL text -> tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from localcloud.cos.select.errors import SelectError

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<word>[^\W\d][\w$]*)
    |(?P<string>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<sign><>|!=|<=|>=|\|\||[-+*/%=<>(),.\[\];])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """`kind` is word, quoted, string, number, sign or end; `at` is its place in the expression."""

    kind: str
    text: str
    at: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these keywords, in any case."""
        return self.kind == "word" and self.text.upper() in words

    def is_sign(self, *signs: str) -> bool:
        """Whether it is one of these signs."""
        return self.kind == "sign" and self.text in signs


def tokens(expression: str) -> list[Token]:
    """All tokens and one of kind `end`. Raises `SelectError` LexerInvalidChar."""
    found, at = [], 0
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None:
            raise SelectError(
                "LexerInvalidChar",
                f"the expression has {expression[at : at + 10]!r} at {at + 1}: "
                "no word, number, string or operator begins so",
            )
        kind, text = str(match.lastgroup), match[0]
        if kind in ("string", "quoted"):
            text = text[1:-1].replace(text[0] * 2, text[0])
        if kind != "space":
            found.append(Token(kind, text, at))
        at = match.end()
    return [*found, Token("end", "", at)]
