"""Turn question-answer pairs into training batches."""
