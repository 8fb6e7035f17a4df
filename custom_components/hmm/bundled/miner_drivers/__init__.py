"""Miner drivers that come with HMM."""
