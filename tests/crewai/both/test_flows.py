"""Flows whose states are in agentmem: they crash, pause, resume and fork, on both generations of CrewAI."""

import os
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from crewai.flow.async_feedback import HumanFeedbackPending
from crewai.flow.flow import Flow, listen, start
from crewai.flow.human_feedback import human_feedback
from crewai.flow.persistence import persist
from pydantic import BaseModel

import agentmem
from agentmem.crewai import AgentMemFlowPersistence, flows
from agentmem.crewai._values import UnsupportedValueError

WHEN = datetime(2026, 11, 30, 12, 30, tzinfo=timezone.utc)


class Line(BaseModel):
    price: Decimal
    tags: set[str] = set()


class Order(BaseModel):
    id: str = ""
    when: datetime | None = None
    lines: list[Line] = []
    key: UUID | None = None
    steps: int = 0


class OrderFlow(Flow[Order]):
    """Two steps, the second of which may crash."""

    crash = False

    @start()
    def first(self):
        self.state.when = WHEN
        self.state.key = UUID(int=7)
        self.state.lines = [Line(price=Decimal("1.50"), tags={"new"})]
        self.state.steps += 1

    @listen(first)
    def second(self):
        if type(self).crash:
            raise OSError("the power went out")
        self.state.steps += 1


class DictFlow(Flow[dict]):
    @start()
    def only(self):
        self.state.update(when=WHEN, pair=(1, b"x"), line=Line(price=Decimal("0.1")), n={1: {2}})


class Ask:
    """Asks a person who is not there."""

    def request_feedback(self, context, flow):
        raise HumanFeedbackPending(context=context)


class ReviewFlow(Flow[dict]):
    @start()
    @human_feedback(message="Is this right?", provider=Ask())
    def draft(self):
        self.state["when"] = WHEN
        return {"text": "draft", "when": WHEN}

    @listen(draft)
    def publish(self, result):
        self.state["feedback"] = result.feedback


def run(flow_class, persistence, **inputs):
    flow = persist(persistence)(flow_class)(persistence=persistence)
    flow.kickoff(inputs=inputs)
    return flow


@pytest.fixture
def persistence(path):
    persistence = AgentMemFlowPersistence(path)
    yield persistence
    persistence.close()


def test_a_structured_state_comes_back(persistence):
    run(OrderFlow, persistence, id="order-1")
    again = AgentMemFlowPersistence(persistence.path)
    restored = Order.model_validate(again.load_state("order-1"))
    line = Line(price=Decimal("1.50"), tags={"new"})
    assert restored == Order(id="order-1", when=WHEN, lines=[line], key=UUID(int=7), steps=2)
    again.close()


def test_a_dict_state_keeps_its_types(persistence):
    run(DictFlow, persistence, id="d")
    state = persistence.load_state("d")
    expected = {"id": "d", "when": WHEN, "pair": (1, b"x"), "line": Line(price=Decimal("0.1")), "n": {1: {2}}}
    assert state == expected
    assert type(state["pair"]) is tuple


def test_a_flow_that_crashed_goes_on_with_its_last_state(persistence, monkeypatch):
    monkeypatch.setattr(OrderFlow, "crash", True)
    with pytest.raises(OSError, match="power"):
        run(OrderFlow, persistence, id="order-2")
    assert persistence.load_state("order-2")["steps"] == 1
    monkeypatch.setattr(OrderFlow, "crash", False)
    assert run(OrderFlow, persistence, id="order-2").state.steps == 3


def test_a_paused_flow_is_resumed_by_another_process(persistence, path):
    run(ReviewFlow, persistence, id="r")
    state, context = persistence.load_pending_feedback("r")
    assert (state["when"], context.method_name) == (WHEN, "draft")
    program = (
        "import sys; from test_flows import ReviewFlow; from agentmem.crewai import AgentMemFlowPersistence\n"
        "flow = ReviewFlow.from_pending('r', AgentMemFlowPersistence(sys.argv[1]))\n"
        "flow.resume('looks good'); print('\\n' + flow.state['feedback'])"
    )
    command = [sys.executable, "-c", program, path]
    done = subprocess.run(
        command, cwd=__file__.rpartition("/")[0], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert "looks good" in done.stdout.splitlines()
    assert persistence.load_pending_feedback("r") is None
    assert persistence.load_state("r")["when"] == WHEN


def test_an_output_that_cannot_be_kept_does_not_stop_a_pause(persistence):
    class OddFlow(Flow[dict]):
        @start()
        @human_feedback(message="?", provider=Ask())
        def draft(self):
            return threading.Lock()

    run(OddFlow, persistence, id="odd")
    _, context = persistence.load_pending_feedback("odd")
    assert "lock" in context.method_output


def test_a_state_that_cannot_be_kept_is_named_and_nothing_is_written(persistence):
    with pytest.raises(UnsupportedValueError, match=r"tools\[0\] is a _thread.lock"):
        persistence.save_state("f", "m", {"id": "f", "tools": [threading.Lock()]})
    assert persistence.flows() == []


def test_an_equal_state_is_not_written_again(persistence):
    for _ in range(3):
        persistence.save_state("f", "m", {"id": "f", "n": 1})
    persistence.save_state("f", "m", {"id": "f", "n": 2})
    assert [state.state["n"] for state in persistence.history("f")] == [1, 2]


def test_a_state_of_other_types_is_written(persistence):
    for value in (1, 1.0, True, -0.0, 0.0, (), [], {1}, frozenset({1}), b"", ""):
        for _ in range(2):
            persistence.save_state("f", "m", {"n": value})
        assert repr(persistence.load_state("f")["n"]) == repr(value)
    assert len(persistence.history("f")) == 11


def test_a_state_is_encoded_and_compared_once(persistence, monkeypatch):
    compared = []
    digest = flows._digest
    monkeypatch.setattr(flows, "_digest", lambda state: compared.append(state) or digest(state))
    for n in (1, 1, float("nan"), float("nan")):
        persistence.save_state("f", "m", {"n": n})
    assert len(compared) == 4
    assert len(persistence.history("f")) == 2


def test_an_integer_of_any_size_is_kept(persistence):
    for n in (10**5000, 10**5000, 1):
        persistence.save_state("f", "m", {"n": n})
    assert [state.state["n"] for state in persistence.history("f")] == [10**5000, 1]


def test_what_another_object_wrote_meanwhile_counts(persistence):
    other = AgentMemFlowPersistence(persistence.store)
    persistence.save_state("f", "m", {"n": 1})
    other.save_state("f", "m", {"n": 2})
    persistence.save_state("f", "m", {"n": 2})
    assert len(persistence.history("f")) == 2
    other.save_state("f", "m", {"n": 3})
    persistence.save_state("f", "m", {"n": 2})
    assert [state.state["n"] for state in persistence.history("f")] == [1, 2, 3, 2]


def test_a_state_that_was_deleted_is_written_again(persistence):
    for n in (1, 1, 2):
        persistence.save_state("f", "m", {"n": n})
        assert persistence.delete("f") == 1


def test_more_flows_are_saved_than_are_remembered(persistence, monkeypatch):
    monkeypatch.setattr("agentmem.crewai.flows._MOST_KNOWN", 2)
    for flow in "abcabc":
        persistence.save_state(flow, "m", {"n": 1})
    assert [len(persistence.history(flow)) for flow in "abc"] == [1, 1, 1]


def test_an_equal_state_is_recognised_in_another_process(persistence):
    program = (
        "import sys; from agentmem.crewai import AgentMemFlowPersistence\n"
        "state = {'words': set('abcdefgh'), 'n': float('nan')}\n"
        "AgentMemFlowPersistence(sys.argv[1]).save_state('f', 'm', state)"
    )
    for seed in ("1", "2"):  # of the order of sets
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", program, persistence.path], env=environment, check=True)
    assert len(persistence.history("f")) == 1


def test_only_the_newest_states_are_kept(path):
    persistence = AgentMemFlowPersistence(path, keep=3)
    for n in range(10):
        persistence.save_state("f", f"step{n}", {"n": n})
    states = persistence.history("f")
    assert [(state.method, state.state) for state in states] == [(f"step{n}", {"n": n}) for n in (7, 8, 9)]
    assert persistence.history("f", last=1) == states[-1:]
    assert states[0].saved_at <= states[-1].saved_at
    assert states[0].number < states[1].number
    persistence.close()


def test_flows_are_listed_pruned_and_deleted(persistence):
    for flow in ("a", "b/c", "ü"):
        for n in range(3):
            persistence.save_state(flow, "m", {"n": n})
    assert persistence.flows() == ["a", "b/c", "ü"]
    assert persistence.flows(after="a", limit=1) == ["b/c"]
    assert persistence.prune("a", keep=1) == 2
    assert persistence.prune(before=datetime.now(timezone.utc) + timedelta(days=1)) == 7
    persistence.save_state("a", "m", {"n": 1})
    assert persistence.delete("a") == 1
    assert persistence.load_state("a") is None


def test_nothing_of_it_is_found_by_a_search(persistence):
    persistence.save_state("f", "m", {"text": "the zebra crossed the road"})
    assert persistence.store.search("zebra") == []
    assert persistence.store.count() == 0


def test_the_state_and_what_it_waits_for_are_one_transaction(persistence, monkeypatch):
    from crewai.flow.async_feedback.types import PendingFeedbackContext

    context = PendingFeedbackContext(
        flow_id="f", flow_class="F", method_name="m", method_output=1, message="?"
    )
    monkeypatch.setattr(PendingFeedbackContext, "to_dict", lambda self: {"x": "\ud800" * 40_000_000})
    with pytest.raises(agentmem.InvalidRecordError):
        persistence.save_pending_feedback("f", context, {"n": 1})
    assert persistence.load_state("f") is None


def test_what_was_asked_first_can_be_forgotten_twice(persistence):
    persistence.clear_pending_feedback("never")
    assert persistence.load_pending_feedback("never") is None


def test_bad_arguments_are_refused(path):
    with pytest.raises(ValueError, match="keep is 0"):
        AgentMemFlowPersistence(path, keep=0)
    persistence = AgentMemFlowPersistence(path)
    with pytest.raises(TypeError, match="the state is a list"):
        persistence.save_state("f", "m", [1])
    with pytest.raises(agentmem.InvalidRecordError):
        persistence.save_state("f\0", "m", {})
    persistence.close()


def test_an_open_store_is_shared_and_stays_open(path):
    with agentmem.open(path) as store:
        persistence = AgentMemFlowPersistence(store)
        persistence.save_state("f", "m", {"n": 1})
        persistence.close()
        assert not store.closed


def test_crewai_makes_it_again_from_its_fields(persistence):
    if not isinstance(persistence, BaseModel):
        return  # crewai 1.9.3 does not write flows down
    persistence.save_state("f", "m", {"n": 1})
    again = AgentMemFlowPersistence.model_validate(persistence.model_dump(mode="json"))
    assert again.load_state("f") == {"n": 1}
    assert again.persistence_type == "AgentMemFlowPersistence"
    again.close()


def test_eight_threads_save_their_flows(persistence):
    def work(name):
        for n in range(20):
            persistence.save_state(name, "m", {"n": n})

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert [persistence.load_state(str(n)) for n in range(8)] == [{"n": 19}] * 8
