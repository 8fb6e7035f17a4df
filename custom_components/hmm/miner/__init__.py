"""Miners in Home Assistant: polling, commands, energy, discovery, sensors."""
