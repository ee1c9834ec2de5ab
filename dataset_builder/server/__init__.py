"""Ask a model on a server that speaks OpenAI's protocol, with many requests at once."""
