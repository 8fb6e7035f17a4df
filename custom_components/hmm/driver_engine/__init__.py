"""Finds, checks and loads drivers and pool files, and runs a driver safely.

Nothing in this package imports Home Assistant.
"""
