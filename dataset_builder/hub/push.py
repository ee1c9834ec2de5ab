"""Push to the Hub: check everything first, upload, make one commit, then the tag.

An upload is invisible until its commit, and there is only one commit. So after any failure the repo holds either its
old content or the pushed content, and the same push again completes it.
"""

from __future__ import annotations

import itertools
import logging
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.errors import InputError
from dataset_builder.hub.changes import CARD_FILE, Change, Push, Pushed, file_size, plan_change
from dataset_builder.hub.errors import translate_hub_errors
from dataset_builder.hub.rate_limit import retry_on_rate_limit

if TYPE_CHECKING:
    from typing import TypeAlias

    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, DatasetInfo, HfApi, ModelInfo, SpaceInfo
    from huggingface_hub.hf_api import KernelInfo

    RepoInfo: TypeAlias = ModelInfo | DatasetInfo | SpaceInfo | KernelInfo

logger = logging.getLogger(__name__)

# The number of times a commit is tried on a new head, if other commits come first.
ATTEMPTS = 5
# The tag names of git (https://git-scm.com/docs/git-check-ref-format) that need no quoting anywhere.
TAG_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_+-]|\.(?!\.|lock$|$))*")
# Names of other revisions: the Hub's branch, git's name of the newest commit, a commit id.
TAKEN_NAME = re.compile(r"main|HEAD|[0-9a-f]{40}")
# In bytes: https://huggingface.co/docs/hub/storage-limits.
LARGEST_FILE = 500 * 10**9


def check_repo_id(repo_id: str) -> None:
    """Raise `InputError` for a repo name that the Hub would refuse, or that has no namespace."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # not listed in __all__

    try:
        validate_repo_id(repo_id)
        if repo_id.count("/") != 1:
            raise HFValidationError("It has no namespace.")
    except HFValidationError as error:
        raise InputError(
            f"--repo-id {repo_id}: not a repo name of the Hub ({error}); give NAMESPACE/NAME, with your user name or "
            "an organisation as the namespace"
        ) from error


def push(content: Push, private: bool, tag: str | None, dry_run: bool) -> Pushed:
    """Push `content` and return the change; with `dry_run` only compare it with the repo.

    Without a difference there is no commit. Call `check_repo_id` for the repo's name before. Raises `InputError` with
    a remedy for everything that the Hub refuses.
    """
    from huggingface_hub import HfApi, get_token

    _check_tag_name(tag)
    _check_sizes(content.files)
    if not dry_run and get_token() is None:
        raise InputError(
            "no token found, and a push needs one: create a token with write access at "
            "https://huggingface.co/settings/tokens, then run `hf auth login`, or set the variable HF_TOKEN"
        )
    api = HfApi()
    url = f"{api.endpoint}/{'' if content.repo_type == 'model' else content.repo_type + 's/'}{content.repo_id}"
    with translate_hub_errors(content.repo_id, content.repo_type):
        info = _find_repo(api, content, private)
        head = info.sha if info else None
        tagged = _find_tag(api, content, tag) if info and tag else None
        if dry_run:
            change, commit = plan_change(api, content, head), head
            _check_tag(content, tag, tagged, head, change)
        else:
            change, commit = _commit(api, content, head or _create(api, content, private), tag, tagged)
    if not dry_run and commit is not None and tag is not None and tagged is None:
        state = f"the commit {commit[:12]} is complete; run the same command again to create the tag {tag}"
        with translate_hub_errors(content.repo_id, content.repo_type, again=state):
            retry_on_rate_limit(
                lambda: api.create_tag(content.repo_id, tag=tag, revision=commit, repo_type=content.repo_type)
            )
    return Pushed(url, commit, change, info is None, bool(info.private if info else private), tag, tagged is not None)


def _check_tag_name(tag: str | None) -> None:
    if tag is not None and not TAG_NAME.fullmatch(tag):
        raise InputError(f"--tag {tag}: not a tag name; use letters, digits, '.', '_', '-', for example v1.0.0")
    if tag is not None and TAKEN_NAME.fullmatch(tag):
        raise InputError(
            f"--tag {tag}: this is the name of a branch or a commit, so the tag could not be loaded by it; choose "
            "another, for example v1.0.0"
        )


def _check_sizes(files: dict[str, Path | bytes]) -> None:
    for path, content in files.items():
        name, size = content if isinstance(content, Path) else path, file_size(content)
        if size == 0:
            raise InputError(f"{name}: the file is empty; make it again")
        if size > LARGEST_FILE:
            raise InputError(
                f"{name}: the file has {size:,} bytes, but the Hub takes {LARGEST_FILE:,} in one file; split it"
            )


def _find_repo(api: HfApi, content: Push, private: bool) -> RepoInfo | None:
    """Return the Hub's information on the repo, or None if no repo of any type has its name."""
    from huggingface_hub.errors import RepositoryNotFoundError

    repo_id, repo_type = content.repo_id, content.repo_type
    try:
        info = retry_on_rate_limit(lambda: api.repo_info(repo_id, repo_type=repo_type))
    except RepositoryNotFoundError:
        for other in sorted({"model", "dataset", "space"} - {repo_type}):
            if retry_on_rate_limit(partial(api.repo_exists, repo_id, repo_type=other)):
                raise InputError(
                    f"--repo-id {repo_id}: this is a {other} on the Hub, not a {repo_type}; choose another name, or "
                    f"create the {repo_type} on the Hub yourself if you want both"
                ) from None
        return None
    if private and not info.private:
        raise InputError(f"--private: {repo_id} is already public; make it private in its settings on the Hub first")
    return info


def _create(api: HfApi, content: Push, private: bool) -> str | None:
    retry_on_rate_limit(
        lambda: api.create_repo(
            content.repo_id, repo_type=content.repo_type, private=private, space_sdk=content.space_sdk, exist_ok=True
        )
    )
    return _head(api, content)


def _head(api: HfApi, content: Push, revision: str | None = None) -> str | None:
    """Return the newest commit of the repo, or the commit of a tag."""
    return retry_on_rate_limit(
        lambda: api.repo_info(content.repo_id, repo_type=content.repo_type, revision=revision)
    ).sha


def _commit(
    api: HfApi, content: Push, head: str | None, tag: str | None, tagged: str | None
) -> tuple[Change, str | None]:
    """Commit the difference on top of the newest commit; return the change and the commit."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete
    from huggingface_hub.errors import HfHubHTTPError

    # Kept between attempts, since an operation remembers that its file is uploaded.
    additions: dict[str, CommitOperationAdd] = {}
    for attempt in itertools.count(1):
        change = plan_change(api, content, head)
        _check_tag(content, tag, tagged, head, change)
        if not change.sent and not change.removed:
            break
        additions[CARD_FILE] = CommitOperationAdd(CARD_FILE, change.card.encode())
        for path in change.sent:
            if path not in additions:
                additions[path] = CommitOperationAdd(path, content.files[path])
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            *(CommitOperationDelete(path) for path in change.removed),
            *(additions[path] for path in change.sent),
        ]
        try:
            commit = retry_on_rate_limit(
                partial(
                    api.create_commit,
                    content.repo_id,
                    operations,
                    commit_message=content.message,
                    repo_type=content.repo_type,
                    parent_commit=head,
                )
            )
        except HfHubHTTPError as error:
            if error.response.status_code != 412 or attempt == ATTEMPTS:
                raise
            logger.warning("%s: another commit came first; trying again on top of it", content.repo_id)
            head = _head(api, content)
        else:
            return change, commit.oid
    return change, head


def _find_tag(api: HfApi, content: Push, tag: str) -> str | None:
    """Return the commit of the tag, or None if the repo does not have it; refuse the name of a branch."""
    refs = retry_on_rate_limit(lambda: api.list_repo_refs(content.repo_id, repo_type=content.repo_type))
    if tag in {branch.name for branch in refs.branches}:
        raise InputError(
            f"--tag {tag}: this is a branch of {content.repo_id}; choose another name, for example v1.0.0"
        )
    if tag not in {ref.name for ref in refs.tags}:
        return None
    # The ref of a tag with a message has the id of the tag, not of its commit.
    return _head(api, content, revision=tag)


def _check_tag(content: Push, tag: str | None, tagged: str | None, head: str | None, change: Change) -> None:
    """Refuse to move a tag: people who pinned it must get the same content."""
    if tagged is not None and (tagged != head or change.sent or change.removed):
        raise InputError(
            f"--tag {tag}: {content.repo_id} already has this tag, at commit {tagged[:12]} with other content; choose "
            "a new tag, since people may load the corpus or model by the old one"
        )
