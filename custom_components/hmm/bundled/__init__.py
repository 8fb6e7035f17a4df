"""Drivers and pool files that come with HMM."""
