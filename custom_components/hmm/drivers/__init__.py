"""The life of driver files in Home Assistant: loaded, listed, updated, repaired."""
