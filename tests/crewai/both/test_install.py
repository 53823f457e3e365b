"""`install` makes agentmem the default persistence of flows, and says which flows it comes too late for."""

import warnings

import pytest
from crewai.flow.flow import Flow, start
from crewai.flow.persistence import SQLiteFlowPersistence, persist

from agentmem.crewai import AgentMemFlowPersistence, installed


def flow():
    class Counter(Flow[dict]):
        @start()
        def count(self):
            self.state["n"] = 1

    return Counter


def test_flows_that_are_defined_later_are_kept_in_the_store(path):
    with installed(path) as store:
        persist()(flow())().kickoff(inputs={"id": "f"})
        assert AgentMemFlowPersistence(store).load_state("f")["n"] == 1


def test_flows_that_were_defined_earlier_are_named(path):
    persist()(flow())
    with pytest.warns(UserWarning, match="Counter.* were defined before"), installed(path):
        pass


def test_a_persistence_that_is_named_is_kept(path, tmp_path):
    own = SQLiteFlowPersistence(str(tmp_path / "own.db"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with installed(path) as store:
            persist(own)(flow())().kickoff(inputs={"id": "f"})
            assert store.journals() == []
    assert own.load_state("f")["n"] == 1


def test_after_uninstalling_crewais_own_is_back(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with installed(path) as store:
            pass
    persist()(flow())().kickoff(inputs={"id": "f"})
    assert store.journals() == []
