"""Draw figures as PNG and SVG in one style."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which people with any colour vision can distinguish: https://jfly.uni-koeln.de/color/.
COLORS = ("#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#0072B2", "#000000")


@contextmanager
def figure(path: Path, width: float, panels: int = 1) -> Iterator[list["Axes"]]:
    """Yield the axes of a figure, then write it to `path` as .png and .svg."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: Any = {"axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "isca-qa", "font.size": 9}
    with rc_context(style):
        drawn = Figure(figsize=(width, 3.6), layout="constrained")
        FigureCanvasAgg(drawn)
        yield list(drawn.subplots(1, panels, sharey=True, squeeze=False)[0])
        # Without the date, the same numbers give the same file.
        options: dict[str, Any] = {".png": {"dpi": 150}, ".svg": {"metadata": {"Date": None}}}
        for suffix in options:
            with replacing(path.with_suffix(suffix)) as temporary:
                drawn.savefig(temporary, **options[suffix])
