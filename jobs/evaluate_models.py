# /// script
# requires-python = ">=3.11"
# dependencies = ["isca-qa"]
#
# # `python -m pip wheel --no-deps --wheel-dir wheels .` builds the wheel. In a job, the wheel is in /wheels/,
# # and the script in /data/.
# [tool.uv.sources]
# isca-qa = { path = "../wheels/isca_qa-0.1.0-py3-none-any.whl" }
#
# [tool.hf-jobs]
# flavor = "a10g-small"
# timeout = "3h"
# env = { JOB_RESULTS = "/results" }
# volumes = ["./wheels:/wheels", "./runs/jobs:/results:rw"]
# ///
"""Evaluate models on HF Jobs: `python -m eval run` with the same options. See docs/gpu.md.

A script named evaluate.py would be imported in place of the library `evaluate`.
"""

from dataset_builder.job import run_job
from eval import run

if __name__ == "__main__":
    run_job(run)
