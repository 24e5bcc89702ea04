"""Search strategies: Optuna samplers, by name."""
