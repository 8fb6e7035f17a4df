"""Drivers to begin with."""
