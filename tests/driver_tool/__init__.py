"""Tests of the command line for authors of drivers."""
