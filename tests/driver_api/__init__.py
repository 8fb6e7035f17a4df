"""Tests of the contract of drivers and its transports."""
