"""Messages between agents are read by conversation, by agent and since a moment."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentmem
from agentmem.crewai import AgentMessage, MessageLog

NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)


@pytest.fixture
def log(path):
    log = MessageLog(path)
    yield log
    log.close()


def message(sender, recipient, content, minutes=0):
    return AgentMessage(sender, recipient, content, timestamp=NOW + timedelta(minutes=minutes))


def contents(messages):
    return [message.content for message in messages]


def test_messages_are_read_in_order(log):
    log.append(message("a", "b", "one"), conversation="x")
    log.append(message("b", "a", "two"), conversation="y/z")
    log.append(message("a", "c", "three"), conversation="x")
    assert contents(log.read()) == ["one", "two", "three"]
    assert contents(log.read(conversation="x")) == ["one", "three"]
    assert contents(log.read(agent="b")) == ["one", "two"]
    assert contents(log.read(conversation="x", agent="c")) == ["three"]
    assert log.conversations() == ["x", "y/z"]
    assert log.read(conversation="none") == []


def test_messages_are_read_since_a_moment(log):
    for minutes in range(4):
        log.append(message("a", "b", str(minutes), minutes))
    assert contents(log.read(since=NOW + timedelta(minutes=2))) == ["2", "3"]
    assert contents(log.read(since=datetime(2026, 11, 30, 0, 3))) == ["3"], "without a zone, it is in UTC"
    with pytest.raises(agentmem.InvalidFilterError, match="since"):
        log.read(since="2026-11-30")


def test_another_process_would_read_the_same(log, path):
    sent = message("a", "b", "text \ud800 \0 👋")
    log.append(sent)
    with agentmem.open(path) as store:
        assert MessageLog(store).read() == [sent]


@given(st.text(), st.text(), st.text(), st.datetimes(timezones=st.just(timezone.utc)))
def test_json_gives_the_message_back(sender, recipient, content, timestamp):
    sent = AgentMessage(sender, recipient, content, timestamp=timestamp)
    assert AgentMessage.from_json(sent.to_json()) == sent


def test_json_has_the_five_fields():
    fields = json.loads(message("a", "b", "c").to_json())
    assert sorted(fields) == ["content", "id", "recipient", "sender", "timestamp"]
    assert fields["timestamp"] == "2026-11-30T00:00:00+00:00"


def test_ids_differ():
    assert message("a", "b", "c").id != message("a", "b", "c").id


@pytest.mark.parametrize("text", ["", "[]", "null", '{"sender": "a"}', '{"sender":1,"timestamp":"x"}', None])
def test_other_json_is_refused(text):
    with pytest.raises(agentmem.InvalidRecordError):
        AgentMessage.from_json(text)


def test_wrong_types_are_refused(log):
    with pytest.raises(agentmem.InvalidRecordError, match="content is 1"):
        AgentMessage("a", "b", 1)
    with pytest.raises(agentmem.InvalidRecordError, match="not an AgentMessage"):
        log.append("hello")
    assert log.read() == []
