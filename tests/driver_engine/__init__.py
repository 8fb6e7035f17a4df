"""Tests of the driver manager; nothing in them needs Home Assistant."""
