"""What fits: architectures, their weights in closed form, and the widest one that a budget allows."""
