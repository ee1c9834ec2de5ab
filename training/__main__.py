"""Train models on the corpus: fine-tune, align, sweep learning rates and seeds, choose answers, verify, compare."""

from dataset_builder.command import package_parser, run_stage
from training import align, best_of_n, dpo, ledger, sft, sweep, verifier

EXIT_CODES = """exit codes:
  0  done
  1  training stopped: see the message
  2  bad input: see the message
  130  interrupted: the same command continues"""

if __name__ == "__main__":
    stages = {
        "sft": sft,
        "align": align,
        "dpo": dpo,
        "sweep": sweep,
        "best_of_n": best_of_n,
        "verifier": verifier,
        "ledger": ledger,
    }
    run_stage(package_parser("training", __doc__, stages, EXIT_CODES))
