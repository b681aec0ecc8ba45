"""`python -m hpsearch`, which is how a worker process is started."""

import sys

from hpsearch.cli import main

if __name__ == "__main__":
    sys.exit(main())
