"""Read years from the command line."""

import argparse
import re


def parse_years(text: str) -> list[int]:
    """Return the years of one span, such as 2005-2024, or of one year; the type of an argparse argument."""
    span = re.fullmatch(r"(\d{4})(?:-(\d{4}))?", text)
    if span is None or int(span[1]) > int(span[2] or span[1]):
        raise argparse.ArgumentTypeError(f"{text!r}: must be a year or a span of years, such as 2019 or 2005-2024")
    return list(range(int(span[1]), int(span[2] or span[1]) + 1))
