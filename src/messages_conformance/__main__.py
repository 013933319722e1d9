"""`python -m messages_conformance` is the command `messages-conformance`."""

import sys

from messages_conformance.cli import main

sys.exit(main())
