"""Training data: question-answer pairs as token rows, their batches and their order."""
