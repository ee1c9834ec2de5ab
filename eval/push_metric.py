"""The metric on the Hub: a Space in the layout of the evaluate library, which `evaluate.load` and a browser read."""

from __future__ import annotations

from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.hub.card_checks import check_metadata
from dataset_builder.hub.changes import CARD_FILE, Push, Pushed
from dataset_builder.hub.push import check_repo_id, push

FOLDER = Path(__file__).parent / "answer_similarity"
MODULE = "answer_similarity.py"
SENT = (MODULE, "app.py", "requirements.txt")


def push_metric(repo_id: str, private: bool = False, tag: str | None = None, dry_run: bool = False) -> Pushed:
    """Push the metric as a Space and return what came of it; raises `InputError` for whatever the Hub refuses."""
    from huggingface_hub import ModelCard

    check_repo_id(repo_id)
    # evaluate.load("ORG/NAME") asks the Space for NAME.py.
    if repo_id.split("/")[1] != Path(MODULE).stem:
        raise InputError(
            f"--repo-id {repo_id}: evaluate looks for a file of the Space's name, and the metric is in {MODULE}; "
            f"give {repo_id.split('/')[0]}/{Path(MODULE).stem}"
        )
    card = _named(FOLDER / CARD_FILE, repo_id)
    check_metadata({"language": "en", **ModelCard(card).data.to_dict()}, str(FOLDER / CARD_FILE))
    what = Push(
        repo_id=repo_id,
        repo_type="space",
        card=card,
        # The module's example loads it by the Space's name, as the card does.
        files={name: _named(FOLDER / name, repo_id).encode() for name in SENT},
        owned=SENT,
        message="Push the metric",
        space_sdk="gradio",
    )
    return push(what, private, tag, dry_run)


def _named(path: Path, repo_id: str) -> str:
    return path.read_text(encoding="utf-8").replace(f"ORG/{Path(MODULE).stem}", repo_id)
