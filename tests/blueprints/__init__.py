"""Blueprints, each in the real blueprint engine with its clock."""
