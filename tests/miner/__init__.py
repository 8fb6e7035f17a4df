"""Tests of the miners in Home Assistant."""
