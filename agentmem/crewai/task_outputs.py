"""The outputs of tasks, from which CrewAI replays a run: `crew.replay(task_id)`.

Each run of a crew has a journal, `task-output/<run>`, with a row for each task by its position. The journal
`task-outputs` maps the id of a task to the last run that it was in.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any

from agentmem import MemoryStore
from agentmem._adapters import to_json

from ._storage import log

_PREFIX = "task-output/"
_TASKS = "task-outputs"

Row = dict[str, Any]


class TaskOutputs:
    """Takes the place of CrewAI's storage for task outputs, one object for each crew.

    CrewAI's own keeps one run for all crews of a folder, and deletes it when the next one begins. This one
    deletes nothing then. Errors in writing are logged, and do not end the run.
    """

    def __init__(self, store: MemoryStore) -> None:
        """Begin without a run."""
        self._store = store
        self._rows: dict[int, Row] = {}
        self._run: str | None = None  # None until the run has a row of its own

    def add(
        self,
        task: Any,
        output: dict[str, Any],
        task_index: int,
        was_replayed: bool = False,
        inputs: dict[str, Any] | None = None,
    ) -> None:
        """Keep the output of the task at this position."""
        fields = {"task_id": str(task.id), "task_key": task.key, "expected_output": task.expected_output}
        changes = {**fields, "output": output, "inputs": inputs or {}, "was_replayed": was_replayed}
        self._rows.pop(task_index, None)
        self.update(task_index, **changes)

    def update(self, task_index: int, **changes: Any) -> None:
        """Change fields of the row of the task at this position."""
        row = {**self._rows.get(task_index, {"task_index": task_index}), **to_json(changes)}
        self._rows[task_index] = {**row, "timestamp": datetime.now(timezone.utc).isoformat()}
        try:
            self._write(task_index)
        except Exception as error:  # CrewAI ends the run if a storage raises
            log.exception("the output of task %s cannot be kept: %s", row["task_id"], error)

    def load(self) -> list[Row]:
        """Return the rows of the crew's run, by position."""
        return [dict(row) for _, row in sorted(self._rows.items())]

    def delete_all(self) -> None:
        """End the run. CrewAI calls it before each kickoff; what was kept stays."""
        self._rows, self._run = {}, None

    def choose(self, task_id: str) -> None:
        """Load the last run that had this task, to replay it. The replay becomes a run of its own."""
        run = self._store.journal(_TASKS).get(task_id)
        if run is not None:
            rows = [entry.value for entry in self._store.journal(_PREFIX + run).items()]
            self._rows, self._run = {row["task_index"]: row for row in rows}, None

    def _write(self, task_index: int) -> None:
        indexes = [task_index] if self._run is not None else list(self._rows)
        run = self._run or str(uuid.uuid4())
        with self._store.batch() as batch:
            for index in indexes:
                batch.journal(_PREFIX + run).put(f"{index:06}", self._rows[index])
            batch.journal(_TASKS).put(self._rows[task_index]["task_id"], run)
        self._run = run


def delete_task_outputs(store: MemoryStore) -> None:
    """Delete the outputs of all runs of all crews."""
    for name in (_TASKS, *store.journals(_PREFIX)):
        store.journal(name).clear()
