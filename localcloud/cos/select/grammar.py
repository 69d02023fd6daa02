"""The grammar of expressions: what may stand in a column, in WHERE and in LIKE.

Each rule has a method; `Grammar` is one walk over the tokens of a command.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from localcloud.cos.select import functions
from localcloud.cos.select.errors import SelectError
from localcloud.cos.select.expressions import (
    Aggregate,
    All,
    Any,
    Arithmetic,
    Between,
    Call,
    Cast,
    Comparison,
    In,
    Is,
    Like,
    Literal,
    Node,
    Not,
    Path,
    Step,
)
from localcloud.cos.select.lexer import Token
from localcloud.cos.select.values import MISSING, TYPES, checked_int

_MAX_DEPTH = 60
_MAX_CHAIN = 100  # operators of one + or * chain: each is a level of its own when it runs
_AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX")
_COMPARISONS: dict[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<>": lambda order: order != 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}
RESERVED = (
    "SELECT", "FROM", "WHERE", "LIMIT", "AS", "AND", "OR", "NOT", "LIKE", "IN", "BETWEEN", "IS",
    "ESCAPE", "FOR", "GROUP", "ORDER", "BY", "HAVING", "JOIN", "UNION", "DISTINCT",
)  # fmt: skip


class Grammar:
    """A place in the tokens, the names that FROM gave, and the aggregates that were met."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens, self._at, self._depth = found, 0, 0
        self._aliases: tuple[str, ...] = ()
        self._aggregates: list[Aggregate] = []
        self._in_aggregate = self._plain = False

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._token
        self._at += token.kind != "end"
        return token

    def _take(self, *words: str) -> bool:
        found = self._token.is_word(*words)
        self._at += found
        return found

    def _sign(self, *signs: str) -> bool:
        found = self._token.is_sign(*signs)
        self._at += found
        return found

    def _word(self, word: str) -> None:
        if not self._take(word):
            raise self._unexpected(word)

    def _need(self, sign: str) -> None:
        if not self._sign(sign):
            raise self._unexpected(repr(sign))

    def _unexpected(self, wanted: str) -> SelectError:
        found = repr(self._token.text[:50]) if self._token.kind != "end" else "the end"
        return SelectError(
            "ParseUnexpectedToken",
            f"{found} at {self._token.at + 1} of the expression: {wanted} is expected",
        )

    def _index(self) -> Step:
        token = self._next()
        if token.kind != "number" or not token.text.isdigit() or len(token.text) > 9:
            self._at -= 1
            raise self._unexpected("an index")
        self._need("]")
        return Step(index=int(token.text))

    def _name(self) -> Step:
        token = self._next()
        if token.kind not in ("word", "quoted"):
            self._at -= 1
            raise self._unexpected("a name")
        return Step(token.text, exact=token.kind == "quoted")

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise SelectError("ExpressionTooDeep", f"more than {_MAX_DEPTH} levels")
        parts = [self._conjunction()]
        while self._take("OR"):
            parts.append(self._conjunction())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Any(parts)

    def _conjunction(self) -> Node:
        parts = [self._negation()]
        while self._take("AND"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else All(parts)

    def _negation(self) -> Node:
        negated = False
        while self._take("NOT"):
            negated = not negated
        node = self._predicate()
        return Not(node) if negated else node

    def _predicate(self) -> Node:
        first = self._sum()
        if self._token.is_sign(*_COMPARISONS):
            return Comparison(_COMPARISONS[self._next().text], first, self._sum())
        if self._take("IS"):
            negated = self._take("NOT")
            if not self._token.is_word("NULL", "MISSING"):
                raise self._unexpected("NULL or MISSING")
            found: Node = Is(first, missing=self._next().is_word("MISSING"))
            return Not(found) if negated else found
        negated = self._take("NOT")
        if self._take("LIKE"):
            pattern = self._sum()
            escape = self._next().text if self._take("ESCAPE") else ""
            if len(escape) > 1:
                raise SelectError("ParseInvalidEscape", "ESCAPE is followed by one character")
            found = Like(first, pattern, escape)
        elif self._take("IN"):
            self._need("(")
            found = In(first, self._list(1, 10_000))
        elif self._take("BETWEEN"):
            low = self._sum()
            self._word("AND")
            found = Between(first, low, self._sum())
        elif negated:
            raise self._unexpected("LIKE, IN or BETWEEN")
        else:
            return first
        return Not(found) if negated else found

    def _list(self, fewest: int, most: int) -> list[Node]:
        """Expressions up to the closing parenthesis."""
        found: list[Node] = []
        if not (fewest == 0 and self._token.is_sign(")")):
            found.append(self._expression())
            while self._sign(","):
                found.append(self._expression())
        self._need(")")
        if not fewest <= len(found) <= most:
            raise SelectError(
                "EvaluatorInvalidArguments", f"{len(found)} values: {fewest} to {most} are expected"
            )
        return found

    def _chain(self, signs: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        node, length = operand(), 0
        while self._token.is_sign(*signs):
            length += 1
            if length > _MAX_CHAIN:
                raise SelectError("ExpressionTooDeep", f"more than {_MAX_CHAIN} operators in a row")
            node = Arithmetic(self._next().text, node, operand())
        return node

    def _sum(self) -> Node:
        return self._chain(("+", "-", "||"), self._product)

    def _product(self) -> Node:
        return self._chain(("*", "/", "%"), self._signed)

    def _signed(self) -> Node:
        negative = False
        while self._token.is_sign("-", "+"):
            negative ^= self._next().text == "-"
        node = self._primary()
        return Arithmetic("-", Literal(0), node) if negative else node

    def _primary(self) -> Node:
        token = self._token
        if token.kind == "number":
            return Literal(_number(self._next().text))
        if token.kind == "string":
            return Literal(self._next().text)
        if self._sign("("):
            node = self._expression()
            self._need(")")
            return node
        if token.kind == "word":
            if token.is_word("TRUE", "FALSE", "NULL", "MISSING"):
                self._at += 1
                values = {"TRUE": True, "FALSE": False, "NULL": None, "MISSING": MISSING}
                return Literal(values[token.text.upper()])
            if self._tokens[self._at + 1].is_sign("("):
                self._at += 2
                return self._call(token)
        if token.kind == "quoted" or (token.kind == "word" and not token.is_word(*RESERVED)):
            return self._path()
        raise self._unexpected("a value")

    def _path(self) -> Node:
        steps = [self._name()]
        while True:
            if self._sign("."):
                steps.append(self._name())
            elif self._sign("["):
                steps.append(self._index())
            else:
                break
        if steps[0].name.lower() in self._aliases:
            del steps[0]
        if not self._in_aggregate:
            self._plain = True
        return Path(tuple(steps))

    def _call(self, token: Token) -> Node:
        name = token.text.upper()
        if name in _AGGREGATES:
            return self._aggregate(name)
        if name == "CAST":
            return self._cast()
        if name == "SUBSTRING":
            return self._substring()
        if name == "TRIM":
            return self._trim()
        if name in ("EXTRACT", "DATE_ADD", "DATE_DIFF"):
            return self._date(name)
        if name not in functions.PLAIN:
            raise SelectError(
                "UnsupportedFunction", f"{token.text[:50]} is no function of COS Select"
            )
        function, fewest, most = functions.PLAIN[name]
        return Call(function, self._list(fewest, most))

    def _aggregate(self, name: str) -> Node:
        if self._in_aggregate:
            raise SelectError("UnsupportedSyntax", f"{name} within an aggregate")
        if name == "COUNT" and self._sign("*"):
            node = None
        else:
            self._in_aggregate = True
            node = self._expression()
            self._in_aggregate = False
        self._need(")")
        found = Aggregate(name, node)
        self._aggregates.append(found)
        return found

    def _cast(self) -> Node:
        node = self._expression()
        self._word("AS")
        kind = self._next().text.upper()
        if kind not in TYPES:
            self._at -= 1
            raise self._unexpected("a type: " + ", ".join(sorted(set(TYPES))))
        if self._sign("("):  # the precision that DECIMAL(10,2) and VARCHAR(20) name
            self._list(1, 2)
        self._need(")")
        return Cast(node, TYPES[kind])

    def _substring(self) -> Node:
        arguments = [self._expression()]
        if self._take("FROM"):
            arguments.append(self._expression())
            if self._take("FOR"):
                arguments.append(self._expression())
            self._need(")")
        else:
            self._need(",")
            arguments += self._list(1, 2)
        return Call(functions.substring, arguments)

    def _trim(self) -> Node:
        side = "BOTH"
        if self._token.is_word("LEADING", "TRAILING", "BOTH"):
            side = self._next().text.upper()
        characters: Node = Literal(" ")
        if not self._take("FROM"):
            text = self._expression()
            if not self._take("FROM"):
                self._need(")")
                return Call(functions.trim, [text, Literal(side)])
            characters = text
        text = self._expression()
        self._need(")")
        return Call(functions.trim, [text, Literal(side), characters])

    def _date(self, name: str) -> Node:
        part = self._next().text.upper()
        parts = functions.PARTS if name == "EXTRACT" else functions.PARTS[:6]
        if part not in parts:
            self._at -= 1
            raise self._unexpected(", ".join(parts))
        if name == "EXTRACT":
            self._word("FROM")
            return Call(functions.extract, [Literal(part), *self._list(1, 1)])
        self._need(",")
        function = functions.date_add if name == "DATE_ADD" else functions.date_diff
        return Call(function, [Literal(part), *self._list(2, 2)])


def _number(text: str) -> int | float | Decimal:
    if len(text) > 100:
        raise SelectError("LexerInvalidLiteral", "a number has over 100 digits")
    if text.isdigit():
        return checked_int(int(text))
    return float(text) if "e" in text.lower() else Decimal(text)
