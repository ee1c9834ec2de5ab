"""Push to the Hub in one atomic commit."""
