"""Figures of trials, and pages on studies."""
