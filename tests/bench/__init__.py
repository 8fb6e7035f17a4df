"""Measurements; run by hand, side by side in one run, never as a test."""
