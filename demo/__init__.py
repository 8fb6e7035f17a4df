"""A real Home Assistant with simulated miners, to look at and to test in a browser."""
