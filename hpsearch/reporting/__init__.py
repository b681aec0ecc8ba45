"""Figures of trials."""
