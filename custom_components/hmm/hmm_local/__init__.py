"""Moving over from an HMM-Local that runs in the home network."""
