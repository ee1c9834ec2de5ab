"""Write scores as tables, figures, Markdown and HTML."""
