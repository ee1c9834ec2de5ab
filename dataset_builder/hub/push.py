"""A push to the Hub: everything checked first, large files next, one commit that shows them all, then the tag.

What a push sends is invisible until its commit, and the commit is one: whatever goes wrong, the repo holds either what
it held or what was pushed, and the same push again completes it.
"""

from __future__ import annotations

import itertools
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError
from dataset_builder.hub.changes import CARD_FILE, Change, Push, Pushed, planned_change
from dataset_builder.hub.errors import translate_hub_errors
from dataset_builder.hub.rate_limit import retry_on_rate_limit

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, DatasetInfo, HfApi, ModelInfo, SpaceInfo

    RepoInfo = ModelInfo | DatasetInfo | SpaceInfo

logger = logging.getLogger(__name__)

# How often a commit that another one overtook is made again, on the new head.
ATTEMPTS = 5
# Of what git takes (https://git-scm.com/docs/git-check-ref-format) the part that needs no quoting anywhere.
TAG_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_+-]|\.(?!\.|lock$|$))*")
# What names a revision already: the Hub's one branch, git's name for the newest commit, a commit's id.
TAKEN_NAME = re.compile(r"main|HEAD|[0-9a-f]{40}")
# In bytes: https://huggingface.co/docs/hub/storage-limits.
LARGEST_FILE = 500 * 10**9


def check_repo_id(repo_id: str) -> None:
    """Raise `InputError` for a name that the Hub would refuse, or one without its namespace."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo_id)
        if repo_id.count("/") != 1:
            raise HFValidationError("It has no namespace.")
    except HFValidationError as error:
        raise InputError(
            f"--repo-id {repo_id}: is no repo's name on the Hub ({error}); give NAMESPACE/NAME, your user name or an "
            "organisation's before the slash"
        ) from error


def push(what: Push, private: bool, tag: str | None, dry_run: bool) -> Pushed:
    """Make the repo hold what `what` says and return what came of it; with `dry_run` only say what would be done.

    Nothing is committed when nothing differs. The repo's name must have passed `check_repo_id`. Raises `InputError`,
    with the remedy, for whatever the Hub refuses.
    """
    from huggingface_hub import HfApi, get_token

    _check_tag_name(tag)
    _check_sizes(what.files)
    if not dry_run and get_token() is None:
        raise InputError(
            "no token, which a push needs: make one that may write at https://huggingface.co/settings/tokens, then "
            "run `hf auth login`, or put it into the variable HF_TOKEN"
        )
    api = HfApi()
    url = f"{api.endpoint}/{'' if what.repo_type == 'model' else what.repo_type + 's/'}{what.repo_id}"
    with translate_hub_errors(what.repo_id, what.repo_type):
        info = _info(api, what, private)
        head = info.sha if info else None
        tagged = _tagged(api, what, tag) if info else None
        if dry_run:
            change, commit = planned_change(api, what, head), head
            _check_tag(what, tag, tagged, head, change)
        else:
            change, commit = _commit(api, what, head or _create(api, what, private), tag, tagged)
    if not dry_run and tag is not None and tagged is None:
        there = (
            f"everything else was done, and stands there as commit {commit[:12]}; run the same command again to set "
            f"the tag {tag}"
        )
        with translate_hub_errors(what.repo_id, what.repo_type, again=there):
            retry_on_rate_limit(
                lambda: api.create_tag(what.repo_id, tag=tag, revision=commit, repo_type=what.repo_type)
            )
    return Pushed(url, commit, change, info is None, bool(info.private if info else private), tag, tagged is not None)


def _check_tag_name(tag: str | None) -> None:
    if tag is not None and not TAG_NAME.fullmatch(tag):
        raise InputError(f"--tag {tag}: is no tag's name; give letters, digits, '.', '_', '-', such as v1.0.0")
    if tag is not None and TAKEN_NAME.fullmatch(tag):
        raise InputError(
            f"--tag {tag}: is what a branch or a commit is called, so that the tag could not be loaded by its name; "
            "give another, such as v1.0.0"
        )


def _check_sizes(files: dict[str, Path | bytes]) -> None:
    for path, content in files.items():
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        if size == 0:
            raise InputError(f"{content if isinstance(content, Path) else path}: is empty; make it again")
        if size > LARGEST_FILE:
            raise InputError(
                f"{content}: has {size:,} bytes, and the Hub takes {LARGEST_FILE:,} in one file; split it"
            )


def _info(api: HfApi, what: Push, private: bool) -> RepoInfo | None:
    """Return what the Hub says of the repo, or None where there is none and none of another type has its name."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        info = retry_on_rate_limit(lambda: api.repo_info(what.repo_id, repo_type=what.repo_type))
    except RepositoryNotFoundError:
        for other in sorted({"model", "dataset", "space"} - {what.repo_type}):
            if retry_on_rate_limit(lambda other=other: api.repo_exists(what.repo_id, repo_type=other)):
                raise InputError(
                    f"--repo-id {what.repo_id}: is a {other} on the Hub, not a {what.repo_type}; choose another name, "
                    f"or create the {what.repo_type} of that name on the Hub yourself if both are meant"
                ) from None
        return None
    if private and not info.private:
        raise InputError(
            f"--private: {what.repo_id} is public already; make it private in its settings on the Hub first"
        )
    return info


def _create(api: HfApi, what: Push, private: bool) -> str:
    retry_on_rate_limit(
        lambda: api.create_repo(
            what.repo_id, repo_type=what.repo_type, private=private, space_sdk=what.space_sdk, exist_ok=True
        )
    )
    return retry_on_rate_limit(lambda: api.repo_info(what.repo_id, repo_type=what.repo_type)).sha


def _commit(api: HfApi, what: Push, head: str, tag: str | None, tagged: str | None) -> tuple[Change, str]:
    """Commit what differs, on the newest commit at the time; return the change and the commit."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete
    from huggingface_hub.errors import HfHubHTTPError

    # Kept over attempts: an operation remembers that its file was uploaded.
    additions: dict[str, CommitOperationAdd] = {}
    for attempt in itertools.count(1):
        change = planned_change(api, what, head)
        _check_tag(what, tag, tagged, head, change)
        if not change.sent and not change.removed:
            return change, head
        additions[CARD_FILE] = CommitOperationAdd(CARD_FILE, change.card.encode())
        operations: list[Any] = [CommitOperationDelete(path) for path in change.removed]
        for path in change.sent:
            if path not in additions:
                additions[path] = CommitOperationAdd(path, what.files[path])
            operations.append(additions[path])
        try:
            commit = retry_on_rate_limit(
                lambda operations=operations, head=head: api.create_commit(
                    what.repo_id,
                    operations,
                    commit_message=what.message,
                    repo_type=what.repo_type,
                    parent_commit=head,
                )
            )
        except HfHubHTTPError as error:
            if error.response.status_code != 412 or attempt == ATTEMPTS:
                raise
            logger.warning("%s: another commit came first; trying again on top of it", what.repo_id)
            head = retry_on_rate_limit(lambda: api.repo_info(what.repo_id, repo_type=what.repo_type)).sha
        else:
            return change, commit.oid


def _tagged(api: HfApi, what: Push, tag: str | None) -> str | None:
    """Return the commit that the tag names, or None where there is no such tag; refuse the name of a branch."""
    if tag is None:
        return None
    refs = retry_on_rate_limit(lambda: api.list_repo_refs(what.repo_id, repo_type=what.repo_type))
    if tag in {branch.name for branch in refs.branches}:
        raise InputError(f"--tag {tag}: is a branch of {what.repo_id}; give a tag another name, such as v1.0.0")
    if tag not in {of.name for of in refs.tags}:
        return None
    # Asked for by its name: what a ref of a tag with a message points to is the tag and not its commit.
    return retry_on_rate_limit(lambda: api.repo_info(what.repo_id, repo_type=what.repo_type, revision=tag)).sha


def _check_tag(what: Push, tag: str | None, tagged: str | None, head: str | None, change: Change) -> None:
    """Refuse a tag that names another state than the one pushed: what people pinned does not move."""
    if tagged is not None and (tagged != head or change.sent or change.removed):
        raise InputError(
            f"--tag {tag}: {what.repo_id} has this tag already, at commit {tagged[:12]} and with other contents; "
            "choose a new tag, for those who load by the old one must find what they found"
        )
