"""What drivers of HMM share."""
