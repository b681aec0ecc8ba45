"""The use cases: what a search checks, does and gives. No argv, no screen, no signal handler, no exit code."""
