"""Generate question-answer pairs: a teacher writes pairs on each abstract, and the checks accept or reject them."""
