"""The teachers: question-answer pairs on abstracts, written by a language model, checked, traceable to a seed."""
