"""Strategies: which miner runs how, by price, clock, sun and heat."""
