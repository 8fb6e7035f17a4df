"""Tests of the driver engine; nothing in them needs Home Assistant."""
