"""Dead letters that may succeed by now: sent again a few times, each after a longer rest."""

from __future__ import annotations

import time

from sweep_round import Round

from shared.dead_letters import DeadLetter
from shared.errors import CloudError

MAX_LETTERS = 200  # that one round looks into
MAX_RETRIES = 5


def sweep_letters(work: Round) -> None:
    """Go through the letters from where the last round stopped.

    Counts `letters` seen and those `retried`. A letter that time cannot cure stays for a person.
    """
    for looked, id in enumerate(work.letters.ids(after=work.cursor.get("letters", ""))):
        if work.over or looked >= MAX_LETTERS:
            return
        work.count("letters")
        try:
            letter = work.letters.read(id)
            if letter is not None and is_due(letter, work.settings.sweep_rest, time.time()):
                work.letters.retry(letter, work.invoke)
                work.count("retried")
        except CloudError as error:
            work.problem(error)
        work.cursor["letters"] = id
        work.checkpoint()
    work.cursor["letters"] = ""


def is_due(letter: DeadLetter, first_rest: float, now: float) -> bool:
    """Whether a letter is worth another try at `now` (Unix seconds).

    It rests four times as long after each retry: with five minutes first, 21 hours before the last.
    """
    rest = first_rest * 4**letter.retried
    return letter.retryable and letter.retried < MAX_RETRIES and now - letter.time >= rest
