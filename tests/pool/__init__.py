"""Tests of the pool accounts in Home Assistant."""
