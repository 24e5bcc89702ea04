"""Use one thread: these networks are so small that a second one would only disturb others."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
