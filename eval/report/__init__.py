"""Write the scores of an evaluation as tables, figures, report.md and report.html."""
