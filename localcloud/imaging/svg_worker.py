"""A process that reads an SVG on standard input and writes it smaller. Started by `svg.py` only."""

import resource
import sys

from scour import scour

MEMORY = 1 << 30  # bytes


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    options = scour.sanitizeOptions()
    options.embed_rasters = False  # it would read files and addresses
    options.remove_metadata = True
    options.strip_comments = True
    options.strip_xml_prolog = True
    options.indent_type = "none"
    options.newlines = False
    options.quiet = True
    text = scour.scourString(sys.stdin.buffer.read(), options)
    sys.stdout.buffer.write(text.encode())


main()
