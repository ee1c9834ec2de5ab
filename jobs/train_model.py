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
"""Fine-tune a model on HF Jobs: `python -m training.sft` with the same options. See docs/gpu.md."""

from dataset_builder.job import run_job
from training import sft

if __name__ == "__main__":
    run_job(sft)
