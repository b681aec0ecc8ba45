"""Training: data, networks, the loop, evaluation and checkpoints. The one folder that needs torch."""
