"""A real Home Assistant in a real browser, with simulated miners."""
