"""A Hub on loopback for the real clients: `python -m tests.hub.server ROOT PORT_FILE`.

It answers what huggingface_hub, datasets, transformers, peft and evaluate ask, keeps its state below ROOT, and writes
its port to PORT_FILE. Below /control it counts requests and takes orders to misbehave (`faults.py`).
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from dataset_builder.files import sha256_of
from tests.hub.collection_routes import Collections
from tests.hub.faults import Faults
from tests.hub.store import File, Repo, Store
from tests.hub.users import NAMESPACES, refuse, user_of

KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}


class Hub:
    """The handlers, by the paths of the Hub's API."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)

    # Who asks, and for which repo

    def repo(self, request: Request, write: bool = False) -> Repo:
        """Return the repo of the path; it is not found by those who may not read it."""
        words = request.path_params
        kind = KINDS[words.get("kinds", "models")]
        repo = self.store.repo(kind, f"{words['namespace']}/{words['name'].removesuffix('.git')}")
        user = user_of(request)
        owns = user is not None and words["namespace"] in NAMESPACES[user[0]]
        if repo is None or (repo.private and not owns):
            raise refuse(404 if user else 401, "Repository not found", "RepoNotFound")
        if write and not (owns and user[1] == "write"):
            raise refuse(403, "You don't have the rights to write here")
        return repo

    def commit_of(self, request: Request, repo: Repo) -> str:
        """Return the commit that the path's revision names."""
        sha = self.store.find(repo, request.path_params["rev"])
        if sha is None:
            raise refuse(404, "Invalid rev id", "RevisionNotFound")
        return sha

    # Repos

    async def create(self, request: Request) -> Response:
        """POST /api/repos/create."""
        wanted = await request.json()
        user = user_of(request)
        if user is None:
            raise refuse(401, "Invalid username or password.")
        namespace = wanted["organization"] or user[0]
        if namespace not in NAMESPACES[user[0]] or user[1] != "write":
            raise refuse(403, f"You don't have the rights to create a repo under the namespace {namespace!r}")
        kind, repo_id = wanted.get("type") or "model", f"{namespace}/{wanted['name']}"
        url = f"{request.base_url}{'' if kind == 'model' else kind + 's/'}{repo_id}"
        if self.store.repo(kind, repo_id):
            return JSONResponse({"error": "You already created this repo", "url": url}, 409)
        private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        self.store.create(kind, repo_id, private, wanted.get("sdk"))
        return JSONResponse({"url": url})

    async def info(self, request: Request) -> Response:
        """GET /api/KINDS/REPO and .../revision/REV."""
        repo = self.repo(request)
        sha = self.commit_of(request, repo) if "rev" in request.path_params else repo.head
        files = self.store.files(sha)
        dates = [commit["date"] for commit in self.store.history(repo)]
        siblings = [{"rfilename": path, "size": file.size, "blobId": file.oid} for path, file in files.items()]
        return JSONResponse(
            {
                **{"_id": repo.id, "id": repo.id, "author": repo.id.split("/")[0], "sha": sha, "sdk": repo.sdk},
                **{"private": repo.private, "gated": False, "disabled": False, "downloads": 0, "likes": 0},
                **{"createdAt": dates[-1], "lastModified": dates[0], "tags": [], "siblings": siblings},
                "cardData": self._card_data(files),
            }
        )

    def _card_data(self, files: dict[str, File]) -> dict[str, Any]:
        if "README.md" not in files:
            return {}
        return front_matter(self.store.content_path(files["README.md"].oid).read_text())

    async def refs(self, request: Request) -> Response:
        """GET /api/KINDS/REPO/refs."""
        repo = self.repo(request)
        tags = [{"name": t, "ref": f"refs/tags/{t}", "targetCommit": sha} for t, sha in repo.tags.items()]
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.head}
        return JSONResponse({"branches": [main], "converts": [], "tags": tags})

    async def commits(self, request: Request) -> Response:
        """GET /api/KINDS/REPO/commits/REV."""
        history = self.store.history(self.repo(request))
        return JSONResponse(
            [{"id": c["id"], "title": c["title"], "message": "", "authors": [], "date": c["date"]} for c in history]
        )

    async def tag(self, request: Request) -> Response:
        """POST /api/KINDS/REPO/tag/REV."""
        repo = self.repo(request, write=True)
        name = (await request.json())["tag"]
        if name in repo.tags:
            raise refuse(409, "Tag reference exists already")
        repo.tags[name] = self.commit_of(request, repo)
        self.store.save(repo)
        return JSONResponse({})

    # Files

    async def tree(self, request: Request) -> Response:
        """GET /api/KINDS/REPO/tree/REV[/FOLDER]."""
        repo = self.repo(request)
        sha = self.commit_of(request, repo)
        folder = request.path_params.get("path", "")
        prefix = f"{folder}/" if folder else ""
        inside = {path: file for path, file in self.store.files(sha).items() if path.startswith(prefix)}
        if folder and not inside:
            raise refuse(404, f"{folder} does not exist", "EntryNotFound", **{"X-Repo-Commit": sha})
        deep = request.query_params.get("recursive", "").lower() == "true"
        entries, folders = [], set()
        for path, file in inside.items():
            parts = path.removeprefix(prefix).split("/")
            above = {prefix + "/".join(parts[:depth]) for depth in range(1, len(parts))}
            folders |= above if deep else {prefix + parts[0]} if above else set()
            if deep or not above:
                entries.append(entry(path, file))
        entries += [{"type": "directory", "oid": "0" * 40, "size": 0, "path": path} for path in sorted(folders)]
        return JSONResponse(entries)

    async def paths_info(self, request: Request) -> Response:
        """POST /api/KINDS/REPO/paths-info/REV."""
        files = self.store.files(self.commit_of(request, self.repo(request)))
        wanted = parse_qs((await request.body()).decode())["paths"]
        found = [entry(path, files[path]) for path in wanted if path in files]
        inside = {path for path in wanted if any(name.startswith(f"{path}/") for name in files)}
        return JSONResponse(
            found + [{"type": "directory", "oid": "0" * 40, "size": 0, "path": path} for path in inside]
        )

    async def resolve(self, request: Request) -> Response:
        """HEAD and GET /[KINDS/]REPO/resolve/REV/PATH; Starlette answers ranges."""
        repo = self.repo(request)
        sha = self.commit_of(request, repo)
        file = self.store.files(sha).get(request.path_params["path"])
        if file is None:
            raise refuse(404, "Entry not found", "EntryNotFound", **{"X-Repo-Commit": sha})
        headers = {"X-Repo-Commit": sha, "ETag": f'"{file.sha256 or file.oid}"'}
        if file.sha256:
            headers |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(file.size)}
        return FileResponse(self.store.content_path(file.sha256 or file.oid), headers=headers)

    # Uploads

    async def validate_yaml(self, request: Request) -> Response:
        """POST /api/validate-yaml: the metadata must be YAML with a licence."""
        data = front_matter((await request.json())["content"])
        if not isinstance(data.get("license", "none of a Space"), str):
            return JSONResponse({"errors": [{"message": '"license" must be a string'}]}, 400)
        return JSONResponse({"errors": [], "warnings": []})

    async def preupload(self, request: Request) -> Response:
        """POST /api/KINDS/REPO/preupload/REV: binary files go through LFS."""
        repo = self.repo(request, write=True)
        held = self.store.files(self.commit_of(request, repo))
        answers = []
        for file in (await request.json())["files"]:
            lfs = b"\0" in base64.b64decode(file["sample"]) or file["size"] > 10_000_000
            answer = {"path": file["path"], "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
            if file["path"] in held:
                answer["oid"] = held[file["path"]].sha256 or held[file["path"]].oid
            answers.append(answer)
        return JSONResponse({"files": answers})

    async def lfs_batch(self, request: Request) -> Response:
        """POST /[KINDS/]REPO.git/info/lfs/objects/batch: what is here already needs no upload."""
        self.repo(request, write=True)
        answers = []
        for wanted in (await request.json())["objects"]:
            answer = {"oid": wanted["oid"], "size": wanted["size"]}
            if not self.store.content_path(wanted["oid"]).is_file():
                answer["actions"] = {"upload": {"href": f"{request.base_url}lfs/{wanted['oid']}"}}
            answers.append(answer)
        return JSONResponse({"transfer": "basic", "objects": answers}, media_type="application/vnd.git-lfs+json")

    async def lfs_put(self, request: Request) -> Response:
        """PUT /lfs/SHA256: kept once it is there whole."""
        sha256 = request.path_params["sha256"]
        # A name of its own: two files of the same content may come at the same time.
        with tempfile.NamedTemporaryFile(dir=self.store.root, delete=False) as file:
            async for part in request.stream():
                file.write(part)
        partial = Path(file.name)
        if sha256_of(partial) != sha256:
            raise refuse(400, "The content has another hash")
        partial.rename(self.store.content_path(sha256))
        return Response()

    async def commit(self, request: Request) -> Response:
        """POST /api/KINDS/REPO/commit/REV."""
        repo = self.repo(request, write=True)
        lines = [json.loads(line) for line in (await request.body()).splitlines()]
        files = self.store.files(repo.head)
        title = ""
        for key, value in ((line["key"], line["value"]) for line in lines):
            if key == "header":
                title = value["summary"]
                if value.get("parentCommit", repo.head) != repo.head:
                    raise refuse(412, "A commit has happened since. Please refresh and try again.")
            elif key == "file":
                files[value["path"]] = self.store.put_blob(base64.b64decode(value["content"]))
            elif key == "lfsFile":
                file = self.store.lfs_file(value["oid"], value["size"])
                if file is None:
                    raise refuse(400, f"The LFS object {value['oid']} was not uploaded")
                files[value["path"]] = file
            elif key == "deletedFile":
                del files[value["path"]]
        sha = self.store.commit(repo, files, title)
        prefix = "" if repo.kind == "model" else f"{repo.kind}s/"
        url = f"{request.base_url}{prefix}{repo.id}/commit/{sha}"
        return JSONResponse({"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": ""})

    def routes(self) -> list[Route]:
        """Return the routes. The routes of models also exist without the kind in the path."""
        api = "/api/{kinds}/{namespace}/{name}"
        routes = [
            Route("/api/repos/create", self.create, methods=["POST"]),
            Route("/api/validate-yaml", self.validate_yaml, methods=["POST"]),
            Route("/lfs/{sha256}", self.lfs_put, methods=["PUT"]),
            Route(api, self.info),
            Route(api + "/refs", self.refs),
            Route(api + "/revision/{rev}", self.info),
            Route(api + "/commits/{rev}", self.commits),
            Route(api + "/tag/{rev}", self.tag, methods=["POST"]),
            Route(api + "/tree/{rev}", self.tree),
            Route(api + "/tree/{rev}/{path:path}", self.tree),
            Route(api + "/paths-info/{rev}", self.paths_info, methods=["POST"]),
            Route(api + "/preupload/{rev}", self.preupload, methods=["POST"]),
            Route(api + "/commit/{rev}", self.commit, methods=["POST"]),
        ]
        for prefix in ("/{kinds}", ""):
            repo = prefix + "/{namespace}/{name}"
            routes.append(Route(repo + "/resolve/{rev}/{path:path}", self.resolve))
            routes.append(Route(repo + "/info/lfs/objects/batch", self.lfs_batch, methods=["POST"]))
        return routes


def entry(path: str, file: File) -> dict[str, Any]:
    """Return a file as the tree lists it."""
    lfs = {"lfs": {"oid": file.sha256, "size": file.size, "pointerSize": 134}} if file.sha256 else {}
    return {"type": "file", "oid": file.oid, "size": file.size, "path": path, **lfs}


def front_matter(text: str) -> dict[str, Any]:
    """Return the metadata of a card; empty where it has none that can be read."""
    try:
        data = yaml.safe_load(text.split("---\n")[1]) if text.startswith("---\n") else {}
    except yaml.YAMLError:
        return {}
    return data if isinstance(data, dict) else {}


def not_found(request: Request, error: Exception) -> Response:
    """Answer what the Hub does not know, and what it refuses, with its message in JSON."""
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def main(root: Path, port_file: Path) -> None:
    """Serve until killed."""
    hub = Hub(root)
    faults = Faults()
    routes = faults.routes() + Collections(hub.store).routes() + hub.routes()
    app = Starlette(routes=routes, exception_handlers={HTTPException: not_found})
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(faults.around(app), log_level="warning", lifespan="off"))
    port_file.write_text(str(listening.getsockname()[1]))
    asyncio.run(server.serve(sockets=[listening]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
