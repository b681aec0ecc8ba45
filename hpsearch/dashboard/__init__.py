"""Optuna's dashboard behind a guard: who may ask for what, and a view of the database that shows what matters."""
