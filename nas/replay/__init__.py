"""Strategies tried on a recorded run as a tabular benchmark, without training."""
