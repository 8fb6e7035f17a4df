"""Tests of the drivers of HMM-Local."""
