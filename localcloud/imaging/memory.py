"""Keeps what all image jobs of a process decode at once within a budget."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

BYTES_A_PIXEL = 4


class Budget:
    """Jobs wait until their bytes fit. One that is larger than the budget runs alone."""

    def __init__(self) -> None:
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def reserved(self, size: int, budget: int) -> Iterator[None]:
        """Hold `size` bytes of `budget` while the block runs."""
        size = min(size, budget)
        with self._changed:
            # Every holder is a running job that ends, so the wait does.
            self._changed.wait_for(lambda: self._used + size <= budget or self._used == 0)
            self._used += size
        try:
            yield
        finally:
            with self._changed:
                self._used -= size
                self._changed.notify_all()


def decoded_bytes(image: Image.Image) -> int:
    """What the pixels take once decoded."""
    return image.width * image.height * BYTES_A_PIXEL


BUDGET = Budget()
