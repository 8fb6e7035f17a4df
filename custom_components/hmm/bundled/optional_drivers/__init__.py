"""Drivers that need a package: none is loaded before a user chooses it."""
