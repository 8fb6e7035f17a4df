"""Moving over from HMM-Local: what one that runs in the home network has, and its tuning profiles."""
