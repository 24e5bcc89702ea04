"""These networks are small: a second thread only waits, and disturbs its neighbours."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
