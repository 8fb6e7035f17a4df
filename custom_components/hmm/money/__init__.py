"""What mining costs and brings: prices, cost, revenue and the odds of a block."""
