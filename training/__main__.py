"""Train models on the corpus: fine-tune a model, or align an adapter with the evaluation."""

from dataset_builder.command import package_parser, run_stage
from training import dpo, sft

EXIT_CODES = """exit codes:
  0  done
  1  training stopped: see the message
  2  bad input: see the message
  130  interrupted: the same command continues"""

if __name__ == "__main__":
    run_stage(package_parser("training", __doc__, {"sft": sft, "dpo": dpo}, EXIT_CODES))
