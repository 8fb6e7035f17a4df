"""Pool accounts in Home Assistant: polling, workers, blocks, sensors, the flow."""
