"""Print the mean difference of a system from LoRA over several evaluations, one for each seed.

    python -m tests.mean_over_seeds --evaluations runs/seed-1/ledger runs/seed-2/ledger --system dpo

The interval and p are of the differences averaged over the seeds for each question, with papers as the unit. The last
number is the half-width of Student's 95 % interval of the seeds' means alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy import stats

from eval.analysis.statistics import CONFIDENCE, estimate, sign_flip_p
from eval.metrics.predictions import predictions_path, read_predictions

MEASURES = ("cosine_similarity", "cosine_similarity_2", "rouge_l", "token_f1", "number_match", "length_ratio")


def main() -> None:
    """Print a line for each config and measure."""
    command = argparse.ArgumentParser(prog="python -m tests.mean_over_seeds", description=__doc__)
    command.add_argument("--evaluations", type=Path, nargs="+", required=True, metavar="DIR", help="of `eval run`")
    command.add_argument("--system", required=True, metavar="NAME", help="system that is compared with `lora`")
    command.add_argument("--configs", nargs="+", default=["plain", "detailed"], metavar="CONFIG")
    arguments = command.parse_args()
    for config in arguments.configs:
        for measure in MEASURES:
            differences = []
            for folder in arguments.evaluations:
                system, lora = (
                    read_predictions(predictions_path(folder / "predictions", config, name))
                    for name in (arguments.system, "lora")
                )
                # A question without a value, such as one without numbers, is NaN.
                values = [np.array(found.values[measure], dtype=float) for found in (system, lora)]
                differences.append(values[0] - values[1])
            averages = np.mean(differences, axis=0)
            known = np.flatnonzero(~np.isnan(averages))
            papers = [system.papers[number] for number in known]
            score, p = estimate(averages[known].tolist(), papers), sign_flip_p(averages[known].tolist(), papers)
            means = [float(np.nanmean(difference)) for difference in differences]
            half = stats.t.ppf((1 + CONFIDENCE) / 2, len(means) - 1) * stats.sem(means)
            by_seed = ", ".join(f"{mean:+.4f}" for mean in means)
            sys.stdout.write(
                f"{config} {measure}: {by_seed}; mean {score.mean:+.4f} ({score.low:+.4f} to {score.high:+.4f}), "
                f"p {p:.4f}, seeds alone +-{half:.4f}\n"
            )


if __name__ == "__main__":
    main()
