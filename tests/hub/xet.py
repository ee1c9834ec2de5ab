"""Xet's storage as a folder: hf_xet writes and reads it by itself, under its `local://` scheme for simulations.

The Hub knows a file by the SHA-256 of its content; Xet by a hash of its own. Both stand in the shards that an upload
leaves. Their layout is that of https://huggingface.co/docs/xet/shard: records of 48 bytes, and hashes as four
little-endian numbers of 64 bits whose hexadecimal digits, one after the other, are the hash as it is written.
"""

from __future__ import annotations

import struct
from pathlib import Path

RECORD = 48
WITH_VERIFICATION, WITH_METADATA = 1 << 31, 1 << 30
END = b"\xff" * 32


def xet_hash(folder: Path, sha256: str) -> str | None:
    """Return Xet's hash of the file with this SHA-256, or None where no upload below `folder` brought it."""
    for shard in folder.rglob("*.mdb"):
        content = shard.read_bytes()
        place = RECORD
        while content[place : place + 32] != END:
            file_hash = content[place : place + 32]
            flags, entries = struct.unpack_from("<II", content, place + 32)
            place += RECORD * (1 + entries * (2 if flags & WITH_VERIFICATION else 1))
            if flags & WITH_METADATA:
                if _written(content[place : place + 32]) == sha256:
                    return _written(file_hash)
                place += RECORD
    return None


def _written(stored: bytes) -> str:
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", stored))
