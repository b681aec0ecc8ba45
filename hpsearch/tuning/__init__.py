"""Everything Optuna: sampler, pruner, suggesting, claiming trials, reading studies back."""
