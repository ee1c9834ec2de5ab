"""What goes wrong at the loopback Hub when it is told to, and the count of what it was asked."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class Faults:
    """The orders in force, and the requests so far.

    An order has "method" and "path" (regular expressions), "times", maybe "skip" (how many requests before it is in
    force), and one of

    - "status", "headers": this answer instead of the right one
    - "cut": the connection is closed after so many bytes of the request
    - "lost": the request is handled, and the connection closed in place of the answer
    - "killed": the server ends as by power loss

    `requests` lists what was asked, "METHOD PATH", but for /control.
    """

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.requests: list[str] = []

    def routes(self) -> list[Route]:
        """Return /control/faults (PUT a list of orders) and /control/requests (GET; DELETE empties it)."""
        return [
            Route("/control/faults", self._give_orders, methods=["PUT"]),
            Route("/control/requests", self._show_requests, methods=["GET", "DELETE"]),
        ]

    async def _give_orders(self, request: Request) -> Response:
        self.orders = await request.json()
        return Response()

    async def _show_requests(self, request: Request) -> Response:
        asked = list(self.requests)
        if request.method == "DELETE":
            self.requests.clear()
        return JSONResponse(asked)

    def around(self, app: Callable) -> Callable:
        """Return the application with the faults before it."""

        async def handle(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
            path = scope["path"]
            if path.startswith("/control/"):
                await app(scope, receive, send)
                return
            self.requests.append(f"{scope['method']} {path}")
            order = self._order_for(scope["method"], path)
            if "cut" in order:
                received = 0
                while received < order["cut"]:
                    message = await receive()
                    received += len(message.get("body", b""))
                    if not message.get("more_body"):
                        break
                # uvicorn has no public way to drop a connection; its send is a method of the object that has one.
                send.__self__.transport.abort()
            elif "lost" in order:
                await app(scope, receive, _drop)
                send.__self__.transport.abort()
            elif "killed" in order:
                os.kill(os.getpid(), signal.SIGKILL)
            elif "status" in order:
                body = {"error": f"told to answer {order['status']}"}
                await JSONResponse(body, order["status"], order.get("headers"))(scope, receive, send)
            else:
                await app(scope, receive, send)

        return handle

    def _order_for(self, method: str, path: str) -> dict[str, Any]:
        for order in self.orders:
            if order["times"] > 0 and re.fullmatch(order["method"], method) and re.search(order["path"], path):
                if order.get("skip", 0) > 0:
                    order["skip"] -= 1
                    continue
                order["times"] -= 1
                return order
        return {}


async def _drop(message: dict[str, Any]) -> None:
    """Take a part of an answer that no client will get."""
