"""The outputs of tasks, from which CrewAI replays a run: `crew.replay(task_id)`.

Each run of a crew has a journal, `task-outputs/<run>`, with a row for each task by its position. The journal
`task-outputs` maps the id of a task to the last run that it was in; its log ends with the last run of all.
Each write expires after `KEPT`.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any

from agentmem import MemoryStore
from agentmem._adapters import to_json

from ._storage import KEPT, log

_TASKS = "task-outputs"
_PREFIX = f"{_TASKS}/"
_OLD_PREFIX = "task-output/"  # of agentmem 0.1

Row = dict[str, Any]


class TaskOutputs:
    """Takes the place of CrewAI's storage for task outputs, one object for each crew.

    CrewAI's own keeps one run for all crews of a folder, and deletes it when the next one begins. This one
    deletes nothing then. Errors in writing are logged, and do not end the run.
    """

    def __init__(self, store: MemoryStore) -> None:
        """Begin without a run."""
        self._store = store
        self._rows: dict[int, Row] | None = None  # None until the crew runs or is replayed
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
        self._write(task_index, changes)

    def update(self, task_index: int, **changes: Any) -> None:
        """Change fields of the row of the task at this position."""
        self._write(task_index, {**(self._rows or {}).get(task_index, {}), **changes})

    def load(self) -> list[Row]:
        """Return the rows of the crew's run, by position; before it runs, those of the last run of all."""
        rows = self._last_run() if self._rows is None else self._rows
        return [dict(row) for _, row in sorted(rows.items())]

    def delete_all(self) -> None:
        """End the run. CrewAI calls it before each kickoff; what was kept stays."""
        self._rows, self._run = {}, None

    def choose(self, task_id: str) -> None:
        """Load the last run that had this task, to replay it. The replay becomes a run of its own."""
        run = self._store.journal(_TASKS).get(task_id)
        if run is not None:
            self._rows, self._run = self._read(run), None

    def _last_run(self) -> dict[int, Row]:
        entries = self._store.journal(_TASKS).read(last=1)
        return self._read(entries[0].value) if entries else {}

    def _read(self, run: str) -> dict[int, Row]:
        journals = (self._store.journal(prefix + run) for prefix in (_OLD_PREFIX, _PREFIX))
        rows = [entry.value for journal in journals for entry in journal.items()]
        return {row["task_index"]: row for row in rows}

    def _write(self, task_index: int, fields: Row) -> None:
        rows = self._rows = {} if self._rows is None else self._rows
        timestamp = datetime.now(timezone.utc).isoformat()
        rows[task_index] = {**to_json(fields), "task_index": task_index, "timestamp": timestamp}
        indexes = [task_index] if self._run is not None else list(rows)
        run = self._run or str(uuid.uuid4())
        try:
            with self._store.batch() as batch:
                for index in indexes:
                    batch.journal(_PREFIX + run).put(f"{index:06}", rows[index], ttl=KEPT)
                tasks = batch.journal(_TASKS)
                tasks.put(rows[task_index]["task_id"], run, ttl=KEPT)
                tasks.append(run, ttl=KEPT)
                tasks.prune(keep=1)
        except Exception as error:  # CrewAI ends the run if a storage raises
            log.exception("the output of task %s cannot be kept: %s", fields["task_id"], error)
        else:
            self._run = run


def delete_task_outputs(store: MemoryStore) -> None:
    """Delete the outputs of all runs of all crews."""
    for name in (_TASKS, *store.journals(_OLD_PREFIX), *store.journals(_PREFIX)):
        store.journal(name).clear()
