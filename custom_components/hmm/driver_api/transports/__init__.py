"""How drivers talk to devices: HTTP, the cgminer API, UDP broadcasts."""
