"""``python -m vlmrm``: the same as the command ``vlmrm``."""

import sys

from vlmrm.cli import main

if __name__ == "__main__":
    sys.exit(main())
