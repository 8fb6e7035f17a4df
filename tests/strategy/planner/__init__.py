"""Tests of the planner, with a clock of their own and without Home Assistant."""
