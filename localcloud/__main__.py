"""`python -m localcloud`: the same as the console script `localcloud`."""

import sys

from localcloud.cli import main

if __name__ == "__main__":
    sys.exit(main())
