"""``nas`` where Ray is not installed; a script, run with nas's own arguments.

Every import of Ray is refused, as if it were not there, also in processes that replace this one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


class Refusing(MetaPathFinder):
    """Finds nothing of Ray."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        """Refuse Ray, and leave the rest to other finders."""
        if fullname.partition(".")[0] == "ray":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


if __name__ == "__main__":
    sys.meta_path.insert(0, Refusing())
    from nas.cli.main import main

    sys.argv[0] = "nas"
    try:
        main()
    finally:
        assert not [name for name in sys.modules if name.partition(".")[0] == "ray"]
