"""Engines: what places the workers of a study, and looks after them; the database stays the truth."""
