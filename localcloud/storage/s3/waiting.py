"""Calls that block, made by code that does not: they run on threads while the event loop goes on.

The operations ask the storage dozens of things in plain function calls. `Work` runs a coroutine in
a greenlet; a call below it that has to wait for a thread leaves the greenlet, and the event loop
sees an ordinary coroutine that awaits a future.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeVar

import greenlet

_T = TypeVar("_T")
# How a greenlet is gone on with: what it was waiting for is done, or an exception strikes it.
_Going = Callable[[Any], Any]


class _Greenlet(greenlet.greenlet):
    """One that knows that it may wait."""


class Work(Coroutine[Any, Any, _T]):
    """`work`, in which `run` does not block the event loop."""

    def __init__(self, work: Coroutine[Any, Any, _T]) -> None:
        self._work = work
        self._greenlet: _Greenlet | None = None

    def send(self, value: Any) -> Any:
        return self._go_on(False, value)

    def throw(self, *error: Any) -> Any:
        instance = error[1] if len(error) > 1 and error[1] is not None else error[0]
        return self._go_on(True, instance() if isinstance(instance, type) else instance)

    def close(self) -> None:
        if self._greenlet is None or self._greenlet.dead:
            self._work.close()
            return
        try:
            self.throw(GeneratorExit())
        except (GeneratorExit, StopIteration):
            return
        raise RuntimeError("the coroutine went on after it was closed")

    def __await__(self) -> Generator[Any, Any, _T]:
        going: _Going = self.send
        value: Any = None
        while True:
            try:
                waited_for = going(value)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            try:
                value = yield waited_for
                going = self.send
            except BaseException as error:  # noqa: BLE001 - handed on
                going, value = self.throw, error

    def _go_on(self, failed: bool, value: Any) -> Any:
        if self._greenlet is None:
            self._greenlet = _Greenlet(self._drive)
            # Each greenlet has its own context variables unless it is given others.
            current = greenlet.getcurrent()
            self._greenlet.gr_context = current.gr_context or contextvars.copy_context()
        elif self._greenlet.dead:
            raise RuntimeError("the coroutine has ended")
        else:
            self._greenlet.parent = greenlet.getcurrent()
        return self._greenlet.switch(failed, value)

    def _drive(self, failed: bool, value: Any) -> Any:
        while True:
            waited_for = self._work.throw(value) if failed else self._work.send(value)
            failed, value = greenlet.getcurrent().parent.switch(waited_for)


def run(executor: Executor, function: Callable[..., _T], *arguments: object) -> _T:
    """What `function` gives. Within `Work` it runs on a thread and others get their turn;
    elsewhere, as at the start, it is simply called."""
    current = greenlet.getcurrent()
    if not isinstance(current, _Greenlet):
        return function(*arguments)
    loop = asyncio.get_running_loop()
    future = loop.run_in_executor(executor, partial(function, *arguments))
    steps = future.__await__()
    going: _Going = steps.send
    value: Any = None
    while True:
        try:
            waited_for = going(value)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        failed, value = current.parent.switch(waited_for)
        going = steps.throw if failed else steps.send
