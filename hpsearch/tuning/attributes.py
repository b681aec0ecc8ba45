"""What hpsearch writes beside a trial, by its names."""

ROUND = "round"
"""The attribute with a trial's round, from 1: for Optuna's dashboard, which shows a trial's attributes."""
PROMOTED_FROM = "promoted_from"
"""The attribute with the number of the trial whose configuration one takes up."""
CORES = "cores"
"""The attribute with how many cores' time a trial had that trained on them, CPU seconds a second: less than one for
each thread where something else ran beside it."""
INT8_ACCURACY = "int8_validation_accuracy"
"""The attribute with the accuracy in whole numbers of 8 bits, of a trial that ended in them."""
FROM_PORTFOLIO = "portfolio, "
"""How it begins whence a trial of the portfolio comes; the entry's name follows."""
