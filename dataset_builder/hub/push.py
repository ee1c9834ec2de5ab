"""Push to the Hub: check everything first, upload, make one commit, then the tag.

An upload is invisible until its commit, and there is only one commit. So after any failure the repo holds either its
old content or the pushed content, and the same push again completes it.
"""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.errors import InputError
from dataset_builder.hub.changes import Push, Pushed, file_size, plan_change
from dataset_builder.hub.errors import NOTHING_CHANGED, PUSH_INCOMPLETE, translate_hub_errors

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# The tag names of git (https://git-scm.com/docs/git-check-ref-format) that need no quoting anywhere.
TAG_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_+-]|\.(?!\.|lock$|$))*")


def add_push_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the push of one repo to `command`."""
    command.add_argument("--repo-id", required=True, metavar="ORG/NAME", help="repo on the Hub")
    add_push_options(command)


def add_push_options(command: argparse.ArgumentParser) -> None:
    """Add the options of every push to `command`."""
    command.add_argument("--private", action="store_true", help="create a new repo as a private one")
    command.add_argument("--tag", metavar="TAG", help="tag the pushed commit, for example v1.0.0")
    command.add_argument("--dry-run", action="store_true", help="show what the push would send, and send nothing")


def check_repo_id(repo_id: str, option: str = "--repo-id") -> None:
    """Raise `InputError`, which names `option`, for a repo name that the Hub would refuse or without a namespace."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # not listed in __all__

    try:
        validate_repo_id(repo_id)
        if repo_id.count("/") != 1:
            raise HFValidationError("It has no namespace.")
    except HFValidationError as error:
        remedy = "give NAMESPACE/NAME, with your user name or an organisation as the namespace"
        raise InputError(f"{option} {repo_id}: not a repo name of the Hub ({error}); {remedy}") from error


def push(content: Push, private: bool, tag: str | None, dry_run: bool) -> Pushed:
    """Push `content` and return the change; with `dry_run` only compare it with the repo.

    Without a difference there is no commit. Call `check_repo_id` for the repo's name before. Raises `InputError` with
    a remedy for everything that the Hub refuses.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token

    _check_tag_and_files(tag, content.files)
    if not dry_run and get_token() is None:
        raise InputError(
            "no token found, and a push needs one: create a token with write access at "
            "https://huggingface.co/settings/tokens, then run `hf auth login`, or set the variable HF_TOKEN"
        )
    api = HfApi()
    repo_id, repo_type = content.repo_id, content.repo_type
    url = f"{api.endpoint}/{'' if repo_type == 'model' else repo_type + 's/'}{repo_id}"
    with translate_hub_errors(repo_id, repo_type):
        head, private = _find_repo(api, content, private)
        is_new = head is None
        tagged = _find_tag(api, content, tag) if tag and not is_new else None
    with translate_hub_errors(repo_id, repo_type, NOTHING_CHANGED if dry_run else PUSH_INCOMPLETE):
        if is_new and not dry_run:
            api.create_repo(repo_id, repo_type=repo_type, private=private, space_sdk=content.space_sdk, exist_ok=True)
            head = api.repo_info(repo_id, repo_type=repo_type).sha
        change = plan_change(api, content, head)
        if tagged is not None and (tagged != head or not change.is_empty):
            # People who pinned the tag must get the same content.
            raise InputError(
                f"--tag {tag}: {repo_id} already has this tag, at commit {tagged[:12]} with other content; choose a "
                "new tag, since people may load the corpus or model by the old one"
            )
        if not (dry_run or change.is_empty):
            operations: list[CommitOperationAdd | CommitOperationDelete] = [
                *(CommitOperationDelete(path) for path in change.removed),
                *(CommitOperationAdd(path, change.files[path]) for path in change.sent),
            ]
            # With the parent, a commit that came first is not overwritten: the Hub refuses this one.
            head = api.create_commit(
                repo_id, operations, commit_message=content.message, repo_type=repo_type, parent_commit=head
            ).oid
    if not dry_run and head is not None and tag is not None and tagged is None:
        state = f"the commit {head[:12]} is complete; run the same command again to create the tag {tag}"
        with translate_hub_errors(repo_id, repo_type, again=state, always=True):
            api.create_tag(repo_id, tag=tag, revision=head, repo_type=repo_type)
    return Pushed(url, head, change, is_new, private, tag, tagged is not None)


def _check_tag_and_files(tag: str | None, files: dict[str, Path | bytes]) -> None:
    if tag is not None and not TAG_NAME.fullmatch(tag):
        raise InputError(f"--tag {tag}: not a tag name; use letters, digits, '.', '_', '-', for example v1.0.0")
    for path, content in files.items():
        if file_size(content) == 0:
            raise InputError(f"{content if isinstance(content, Path) else path}: the file is empty; make it again")


def _find_repo(api: "HfApi", content: Push, private: bool) -> tuple[str | None, bool]:
    """Return the repo's newest commit and whether it is private; None and `private` for a repo that does not exist."""
    from huggingface_hub.errors import RepositoryNotFoundError

    repo_id, repo_type = content.repo_id, content.repo_type
    try:
        info = api.repo_info(repo_id, repo_type=repo_type)
    except RepositoryNotFoundError:
        return None, private
    if private and not info.private:
        raise InputError(f"--private: {repo_id} is already public; make it private in its settings on the Hub first")
    return info.sha, bool(info.private)


def _find_tag(api: "HfApi", content: Push, tag: str) -> str | None:
    """Return the commit of the tag, or None if the repo does not have it; refuse the name of a branch."""
    refs = api.list_repo_refs(content.repo_id, repo_type=content.repo_type)
    if tag in {branch.name for branch in refs.branches}:
        raise InputError(f"--tag {tag}: this is a branch of {content.repo_id}; choose another name, such as v1.0.0")
    if tag not in {ref.name for ref in refs.tags}:
        return None
    # The ref of a tag with a message has the id of the tag, not of its commit.
    return api.repo_info(content.repo_id, repo_type=content.repo_type, revision=tag).sha
