"""The command `jupyter-book`, without what it would import and not use."""

import gc
import sys

# A render lasts seconds and keeps most of what it makes: looking for what could go costs a fifth of its time.
gc.disable()
# jsonschema builds the grammars of international addresses for five seconds if it finds them; no book has any.
sys.modules["rfc3987_syntax"] = None

from jupyter_book.cli.main import main  # noqa: E402

main()
