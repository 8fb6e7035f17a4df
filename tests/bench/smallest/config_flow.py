"""Needed by Home Assistant: entries are made by the benchmark."""

from homeassistant.config_entries import ConfigFlow


class SmallestConfigFlow(ConfigFlow, domain="smallest"):
    """Do nothing."""
