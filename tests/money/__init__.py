"""Tests of prices, cost, revenue and odds."""
