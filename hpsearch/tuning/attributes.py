"""What hpsearch writes beside a trial, by its names."""

ROUND = "round"
"""The attribute with a trial's round, from 1: for Optuna's dashboard, which shows a trial's attributes."""
PROMOTED_FROM = "promoted_from"
"""The attribute with the number of the trial whose configuration one takes up."""
FROM_PORTFOLIO = "portfolio, "
"""How it begins whence a trial of the portfolio comes; the entry's name follows."""
