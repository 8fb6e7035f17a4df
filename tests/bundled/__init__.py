"""Tests of the bundled drivers and their transports."""
