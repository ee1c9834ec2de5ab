"""`python -m tests.interrupt FUNCTION COUNT MODULE ARGUMENTS...`: run MODULE, and kill it as power loss would.

The process gets SIGKILL in place of the COUNT-th call of FUNCTION, a dotted path such as `os.replace`.
"""

from __future__ import annotations

import os
import pkgutil
import runpy
import signal
import sys
from typing import Any


def arm(function: str, count: int) -> None:
    """Replace `function` by one that kills the process when it is called for the `count`-th time."""
    owner = pkgutil.resolve_name(function.rpartition(".")[0])
    name = function.rpartition(".")[2]
    original = getattr(owner, name)
    calls = 0

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)

    setattr(owner, name, counted)


if __name__ == "__main__":
    arm(sys.argv[1], int(sys.argv[2]))
    module = sys.argv[3]
    sys.argv = sys.argv[3:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
