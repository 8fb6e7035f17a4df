"""The fleet: totals over all miners and pools, and the tiles as JSON."""
