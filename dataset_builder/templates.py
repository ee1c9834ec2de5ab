"""Render the text files that have templates: cards, reports and eval.yaml."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render(template: Path, **values: object) -> str:
    """Return a template with `values` in it; a template of HTML escapes them."""
    templates = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=".html" in template.name,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Third-party text in Markdown: on one line and without HTML.
    templates.filters["quoted"] = lambda text: " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return templates.get_template(template.name).render(**values)
