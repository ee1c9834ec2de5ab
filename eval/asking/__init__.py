"""Answer a question with the cited sentences, or not at all if the abstract is about something else."""
