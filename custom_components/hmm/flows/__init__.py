"""The steps of the config flow that are long enough for a file of their own."""
