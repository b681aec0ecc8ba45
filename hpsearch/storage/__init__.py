"""Databases: opening a URL safely, Optuna's storage on it, and hpsearch's own tables beside Optuna's."""
