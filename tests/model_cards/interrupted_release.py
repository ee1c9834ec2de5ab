"""`python -m tests.model_cards.interrupted_release URL`: lose the network at any point of a small release.

The Hub handles request n of those that write, the client gets no answer, and later requests fail; for each n. After
each, the Hub has another state. Every release is repeated, and must then be complete, with one commit in each repo.
Prints the number of interrupted releases.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.hub.card_merge import render_card
from dataset_builder.hub.changes import Push
from dataset_builder.hub.collection import Item
from model_cards.release.settings import ReleasedRepo, ReleaseSettings
from model_cards.release.steps import collect, push_repos
from model_cards.repo_content import RunOptions
from tests.hub.running import RunningHub


def release(name: str) -> None:
    """Release a corpus and a model whose card names its commit, and the collection of both."""
    folder = Path("unused")
    settings = ReleaseSettings("lab", name, folder, "full", folder, RunOptions(None, None), False, "v1")

    def content(item: Item, text: str) -> Push:
        card = render_card({"license": "mit"}, text)
        return Push(item.repo_id, item.repo_type, card, {"notes.txt": b"Some notes."}, "Push")

    of_corpus = Item("dataset", settings.corpus_id, "The corpus.")
    of_model = Item("model", f"{settings.corpus_id}-model", "The model.")
    corpus = ReleasedRepo("corpus", of_corpus, lambda commits, _: content(of_corpus, "A corpus."))
    model = ReleasedRepo(
        "models",
        of_model,
        lambda commits, _: content(of_model, f"Trained on {commits[of_corpus.key]}."),
        needs=(of_corpus.key,),
    )
    list(push_repos(settings, [corpus, model]))
    collect(settings, [corpus, model], dry_run=False)


def check_complete(hub: RunningHub, name: str) -> None:
    """Fail unless everything is there once: a commit and a tag in each repo, the pin, and the collection in order."""
    repos = (f"datasets/lab/{name}", f"models/lab/{name}-model")
    heads = [hub.commits(repo)[0]["id"] for repo in repos]
    assert [len(hub.commits(repo)) for repo in repos] == [2, 2], name
    tags = [[tag["targetCommit"] for tag in hub.api(f"/api/{repo}/refs")["tags"]] for repo in repos]
    assert tags == [[head] for head in heads], name
    assert f"Trained on {heads[0]}." in hub.text(f"lab/{name}-model/resolve/main/README.md"), name
    (collection,) = [one for one in hub.api("/api/collections?owner=lab") if one["title"] == name.upper()]
    items = [(item["type"], item["note"]["text"]) for item in collection["items"]]
    assert items == [("dataset", "The corpus."), ("model", "The model.")], name


def main(url: str) -> None:
    """Interrupt releases until one ends before its turn."""
    hub = RunningHub(url, Path())
    # The client waits between its attempts.
    time.sleep = lambda seconds: None
    for number in range(200):
        writes = {"method": "POST|PUT|PATCH", "path": "", "skip": number}
        hub.orders(writes | {"times": 1, "lost": True}, writes | {"times": 10_000, "cut": 0})
        name = f"lost-{number}"
        interrupted = False
        try:
            release(name)
        except InputError:
            interrupted = True
        hub.orders()
        release(name)
        check_complete(hub, name)
        if not interrupted:
            sys.stdout.write(f"{number}\n")
            return
    raise AssertionError("the release never ended")


if __name__ == "__main__":
    main(sys.argv[1])
