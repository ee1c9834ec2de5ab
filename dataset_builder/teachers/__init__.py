"""Define the teachers: the models that write question-answer pairs, each described by one YAML file."""
