"""Tests of what is said about miners, and to them."""
