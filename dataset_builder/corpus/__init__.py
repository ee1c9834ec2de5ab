"""Build, load and publish the corpus of question-answer pairs."""
