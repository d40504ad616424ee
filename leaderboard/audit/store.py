"""Audits on disk: one JSON a reward, put in place as a whole, then all of them as JSON and as a table."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rewardmark.rewards.audit.result import AuditResult
from rewardmark.rewards.errors import DataError, RewardmarkError
from rewardmark.tasks.cache import write_atomically

log = logging.getLogger(__name__)

__all__ = ["AuditStore", "flat_rows", "slug"]


def slug(name: str) -> str:
    """The name of a reward as a file name.

    >>> slug("detection/f1")
    'detection-f1'
    """
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)


def flat_rows(result: AuditResult) -> Iterator[dict[str, Any]]:
    """One row a number: reward, task, section, name, value; nested names joined by a dot, flags as 0 and 1."""

    def leaves(prefix: str, value: Any) -> Iterator[tuple[str, float]]:
        if isinstance(value, dict):
            for key, item in value.items():
                yield from leaves(f"{prefix}.{key}" if prefix else str(key), item)
        elif isinstance(value, (bool, int, float)):
            yield prefix, float(value)

    for section, content in result.to_json()["sections"].items():
        for name, value in leaves("", content):
            yield {"reward": result.reward, "task": result.task, "section": section, "name": name, "value": value}


class AuditStore:
    """The folder of audits: rewards/SLUG.json, audit.json, audit.parquet."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        return self.root / "rewards" / f"{slug(name)}.json"

    def read(self, name: str) -> AuditResult | None:
        """The audit of a reward as it was kept; None where there is none, or one of another version."""
        try:
            return AuditResult.from_json(json.loads(self.path(name).read_text()))
        except (FileNotFoundError, ValueError, RewardmarkError):
            return None

    def finished(self, name: str, fingerprint: str) -> AuditResult | None:
        """The kept audit, if it is what would be measured again."""
        held = self.read(name)
        return held if held is not None and held.fingerprint == fingerprint else None

    def write(self, result: AuditResult) -> None:
        content = json.dumps(result.to_json(), allow_nan=False, ensure_ascii=False)
        try:
            write_atomically(self.path(result.reward), content.encode())
        except OSError as error:
            raise DataError(self.path(result.reward), f"cannot be written: {error.strerror or error}") from error

    def all(self) -> list[AuditResult]:
        """Every audit in the folder, in order of name. Files of another version are left out."""
        found = []
        for file in sorted((self.root / "rewards").glob("*.json")):
            try:
                found.append(AuditResult.from_json(json.loads(file.read_text())))
            except (ValueError, RewardmarkError) as error:  # of another version, or no audit: the next one replaces it
                log.warning("%s is left out: %s", file, error)
        return sorted(found, key=lambda result: result.reward)

    def write_tables(self, results: Sequence[AuditResult]) -> None:
        """audit.json: {"schema", "rewards": [...]}; audit.parquet: a row for each number (see `flat_rows`)."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        content = {"schema": 1, "rewards": [result.to_json() for result in results]}
        write_atomically(self.root / "audit.json", json.dumps(content, allow_nan=False, ensure_ascii=False).encode())
        kinds = pa.schema([(n, pa.string()) for n in ("reward", "task", "section", "name")] + [("value", pa.float64())])
        rows = [row for result in results for row in flat_rows(result)]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, schema=kinds), sink)
        write_atomically(self.root / "audit.parquet", sink.getvalue().to_pybytes())
