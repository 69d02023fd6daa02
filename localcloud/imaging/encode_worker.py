"""A process that encodes one picture. Started by `apart.py` only, from which its input comes."""

import pickle
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))


def main() -> None:
    from localcloud.imaging.apart import REFUSED
    from localcloud.imaging.encode import Frame, prepare, written
    from localcloud.imaging.errors import ImageError

    plain, encoding, exif, loop = pickle.load(sys.stdin.buffer)  # noqa: S301 - our parent wrote it
    try:
        prepare(encoding.format)
        data = written([Frame(*one) for one in plain], encoding, exif, loop)
    except ImageError as error:
        sys.stdout.buffer.write(f"{error.number} {error.message}".encode())
        sys.exit(REFUSED)
    sys.stdout.buffer.write(data)


main()
