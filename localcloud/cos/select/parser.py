"""A SELECT command -> a `Query`. Own grammar, nothing is ever handed to an interpreter.

https://cloud.tencent.com/document/product/436/37636
"""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.cos.select.errors import SelectError
from localcloud.cos.select.expressions import Aggregate, Node, Path, Step
from localcloud.cos.select.grammar import RESERVED, Grammar
from localcloud.cos.select.lexer import tokens

MAX_EXPRESSION = 256 * 1024
_OBJECTS = ("COSOBJECT", "S3OBJECT")


@dataclass(frozen=True)
class Column:
    """One output: its `name` and what it is made of."""

    name: str
    node: Node


@dataclass(frozen=True)
class Query:
    """`columns` is None for *. `source` are the steps into a JSON record, None for each [*]."""

    columns: tuple[Column, ...] | None
    source: tuple[Step | None, ...]
    condition: Node | None
    limit: int | None
    aggregates: tuple[Aggregate, ...]


def parse(expression: str) -> Query:
    """Raises `SelectError`: ExpressionTooLong, ParseUnexpectedToken and their like."""
    if len(expression.encode("utf-8", "replace")) > MAX_EXPRESSION:
        raise SelectError("ExpressionTooLong", f"the expression has over {MAX_EXPRESSION} bytes")
    return _Command(tokens(expression)).query()


class _Command(Grammar):
    """SELECT ... FROM ... WHERE ... LIMIT ..."""

    def query(self) -> Query:
        self._word("SELECT")
        items = self._at
        # The alias of FROM is needed to read what stands before it.
        self._skip_to_from()
        source = self._source()
        after = self._at
        self._at = items
        columns = None if self._sign("*") else self._columns()
        self._word("FROM")
        if self._aggregates and (self._plain or columns is None):
            raise SelectError(
                "UnsupportedSyntax", "columns cannot stand beside aggregates: there is no GROUP BY"
            )
        aggregates, self._aggregates = tuple(self._aggregates), []
        self._at = after
        condition = self._expression() if self._take("WHERE") else None
        if self._aggregates:
            raise SelectError("UnsupportedSyntax", "WHERE has no aggregates")
        limit = self._limit() if self._take("LIMIT") else None
        self._sign(";")
        if self._token.kind != "end":
            raise self._unexpected("the end")
        return Query(columns, source, condition, limit, aggregates)

    def _skip_to_from(self) -> None:
        depth = 0
        while depth or not self._token.is_word("FROM"):
            if self._token.kind == "end":
                raise self._unexpected("FROM")
            depth += self._token.is_sign("(") - self._token.is_sign(")")
            self._at += 1
        self._at += 1

    def _source(self) -> tuple[Step | None, ...]:
        name = self._next()
        if not name.is_word(*_OBJECTS):
            self._at -= 1
            raise self._unexpected("COSObject")
        steps: list[Step | None] = []
        while True:
            if self._sign("["):
                if self._sign("*"):
                    steps.append(None)
                    self._need("]")
                else:
                    steps.append(self._index())
            elif self._sign("."):
                steps.append(self._name())
            else:
                break
        aliases = [name.text]
        named = self._take("AS")
        token = self._token
        if token.kind == "quoted" or (token.kind == "word" and not token.is_word(*RESERVED)):
            aliases.append(self._next().text)
        elif named:
            raise self._unexpected("a name")
        self._aliases = tuple(alias.lower() for alias in aliases)
        return tuple(steps)

    def _columns(self) -> tuple[Column, ...]:
        found: list[Column] = []
        while True:
            node = self._expression()
            name = f"_{len(found) + 1}"
            if isinstance(node, Path) and node.steps:
                name = node.steps[-1].name or name
            named = self._take("AS")
            token = self._token
            if named or token.kind == "quoted" or (
                token.kind == "word" and not token.is_word(*RESERVED)
            ):  # fmt: skip
                name = self._name().name
            found.append(Column(name, node))
            if not self._sign(","):
                return tuple(found)

    def _limit(self) -> int:
        token = self._next()
        if token.kind != "number" or not token.text.isdigit() or len(token.text) > 18:
            self._at -= 1
            raise self._unexpected("a whole number")
        return int(token.text)
