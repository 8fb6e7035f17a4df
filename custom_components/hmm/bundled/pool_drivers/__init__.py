"""Pool drivers that come with HMM."""
