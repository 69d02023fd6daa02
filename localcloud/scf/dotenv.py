"""The file .env beside serverless.yml, as deploying tools read it: a `NAME=value` on each line."""

from __future__ import annotations

import re
from pathlib import Path

from shared.errors import ConfigError

FILE_NAME = ".env"
_MAX_BYTES = 65_536
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def read(root: Path) -> dict[str, str]:
    """The variables of `root`/.env; none where there is no such file.

    Quotes around a value go; `#` begins a comment on a line of its own. Raises `ConfigError` with
    every line that is none, and never with what it holds.
    """
    path = root / FILE_NAME
    try:
        text = path.read_bytes()[: _MAX_BYTES + 1].decode()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{FILE_NAME}:1: cannot be read: {type(error).__name__}"]) from None
    if len(text) > _MAX_BYTES:
        raise ConfigError([f"{FILE_NAME}:1: more than {_MAX_BYTES} bytes"])
    found, problems = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.strip()
        if not plain or plain.startswith("#"):
            continue
        if match := _LINE.fullmatch(plain):
            value = match[2]
            if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
                value = value[1:-1]
            found[match[1]] = value
        else:
            problems.append(f"{FILE_NAME}:{number}: NAME=value is expected")
    if problems:
        raise ConfigError(problems)
    return found
