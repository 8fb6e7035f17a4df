"""Tests of the Home Miner Manager integration."""
