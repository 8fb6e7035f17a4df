"""Tests of the life of driver files in Home Assistant."""
