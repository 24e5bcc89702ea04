"""``nas`` in a Ray that counts two GPUs where torch has none; a script with arguments of nas."""

from __future__ import annotations

from unittest.mock import patch

from nas.cli.main import main

if __name__ == "__main__":
    with patch("nas.cluster.visible_gpus", lambda: 2):
        main()
