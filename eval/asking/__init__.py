"""Answer a question, with the cited sentences and what the abstract does not have."""
