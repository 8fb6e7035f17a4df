"""Tests of the move from HMM-Local."""
