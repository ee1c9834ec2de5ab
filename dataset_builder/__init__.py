"""Papers and teachers' question-answer pairs, made into a `datasets` corpus."""
