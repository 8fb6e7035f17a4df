"""Pools in Home Assistant: accounts, workers, blocks, and their sum."""
