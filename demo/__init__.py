"""A real Home Assistant with simulated miners, to try in a browser."""
