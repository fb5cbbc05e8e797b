"""Simulated faces with known truth."""
