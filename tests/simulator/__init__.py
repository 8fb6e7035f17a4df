"""The simulated devices, as a client sees them."""
