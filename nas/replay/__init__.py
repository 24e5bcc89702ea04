"""Samplers and pruners tried on a recorded run as a tabular benchmark, without training."""
