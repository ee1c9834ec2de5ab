"""`python -m tests.local_crawl URL ARGUMENTS`: crawl the sources that tests/crawl_server.py serves, without pauses."""

from __future__ import annotations

import runpy
import sys

from dataset_builder.crawl.settings import BASE_URLS, PAUSES

if __name__ == "__main__":
    BASE_URLS.update({source: f"{sys.argv[1]}/{source}" for source in BASE_URLS})
    PAUSES.update(dict.fromkeys(PAUSES, 0.0))
    sys.argv = ["dataset_builder", "crawl", *sys.argv[2:]]
    runpy.run_module("dataset_builder", run_name="__main__", alter_sys=True)
