"""Knative's delivery rules, with a fake clock and fake subscribers."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.broker.app import default_triggers
from local.broker.dispatcher import SubscriberResponse, Trigger
from local.broker.messages import parse_message
from tests.unit.broker_bench import CALCULATE, DONE, REQUESTED, Bench, as_response, event

NewBench = Callable[..., Bench]


@pytest.fixture
def new_bench(tmp_path: Path) -> Iterator[NewBench]:
    benches: list[Bench] = []

    def make(triggers: list[Trigger] | None = None) -> Bench:
        benches.append(Bench(tmp_path / "queue.sqlite3", triggers or default_triggers(CALCULATE, "http://watcher/")))
        return benches[-1]

    yield make
    for bench in benches:
        bench.queue.close()


def test_events_are_delivered_to_the_triggers_whose_filter_they_match(new_bench: NewBench) -> None:
    bench = new_bench()

    bench.dispatcher.publish(event(REQUESTED))
    bench.dispatcher.publish(event("something.else"))
    bench.run()

    assert bench.subscribers.urls() == [f"{CALCULATE}/", "http://watcher/", "http://watcher/"]
    assert not len(bench.queue)


@pytest.mark.parametrize("status", [0, 404, 408, 409, 429, 500, 502, 503, 504])
def test_a_transient_failure_is_retried(new_bench: NewBench, status: int) -> None:
    bench = new_bench()
    bench.subscribers.responses[f"{CALCULATE}/"] = [SubscriberResponse(status, {}, b""), DONE]
    bench.dispatcher.publish(event())

    bench.run()
    assert bench.subscribers.urls().count(f"{CALCULATE}/") == 1
    bench.wait(0.5)
    bench.run()

    assert bench.subscribers.urls().count(f"{CALCULATE}/") == 2
    assert not len(bench.queue)


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 405, 413, 422])
def test_a_permanent_failure_is_dead_lettered_immediately(new_bench: NewBench, status: int) -> None:
    bench = new_bench()
    bench.subscribers.responses[f"{CALCULATE}/"] = [SubscriberResponse(status, {}, b"because")]
    bench.dispatcher.publish(event())

    bench.run()

    [letter] = [posted for url, posted in bench.subscribers.posted if url == f"{CALCULATE}/dead-letter"]
    assert letter.body == event().body
    assert letter.headers["ce-knativeerrordest"] == f"{CALCULATE}/"
    assert letter.headers["ce-knativeerrorcode"] == str(status)
    assert base64.b64decode(letter.headers["ce-knativeerrordata"]) == b"because"
    assert not len(bench.queue)


@pytest.mark.parametrize("body", [b"OK", b'{"status": "done"}'])
def test_a_2xx_whose_body_is_not_an_event_is_retried(new_bench: NewBench, body: bytes) -> None:
    bench = new_bench()
    bench.subscribers.responses[f"{CALCULATE}/"] = [
        SubscriberResponse(200, {"Content-Type": "application/json"}, body),
        DONE,
    ]
    bench.dispatcher.publish(event())

    bench.run_until_empty()

    assert bench.subscribers.urls().count(f"{CALCULATE}/") == 2


def test_an_event_in_the_reply_is_published(new_bench: NewBench) -> None:
    bench = new_bench()
    bench.subscribers.responses[f"{CALCULATE}/"] = [as_response(event("done", 2))]
    bench.dispatcher.publish(event())

    bench.run()

    assert [(url, posted.type) for url, posted in bench.subscribers.posted] == [
        (f"{CALCULATE}/", REQUESTED),
        ("http://watcher/", REQUESTED),
        ("http://watcher/", "done"),
    ]


def test_a_reply_without_data_is_published(new_bench: NewBench) -> None:
    bench = new_bench()
    bench.subscribers.responses[f"{CALCULATE}/"] = [SubscriberResponse(200, event("done", 2).headers, b"")]
    bench.dispatcher.publish(event())

    bench.run()

    assert bench.subscribers.posted[-1][1].type == "done"


@pytest.mark.parametrize(("own", "passed"), [({}, "its cause's"), ({"traceparent": "its own"}, "its own")])
def test_a_reply_without_trace_context_inherits_that_of_its_cause(
    new_bench: NewBench, own: dict[str, str], passed: str
) -> None:
    bench = new_bench()
    bench.subscribers.responses[f"{CALCULATE}/"] = [SubscriberResponse(200, {**event("done", 2).headers, **own}, b"{}")]
    bench.dispatcher.publish(parse_message({**event().headers, "traceparent": "its cause's"}, b"{}"))

    bench.run()

    assert bench.subscribers.posted[-1][1].headers["traceparent"] == passed


@pytest.mark.parametrize("response", [SubscriberResponse(200, {}, b"OK"), as_response(event("done", 2))])
def test_the_body_of_the_dead_letter_sinks_response_is_ignored(
    new_bench: NewBench, response: SubscriberResponse
) -> None:
    bench = new_bench()
    bench.subscribers.responses |= {
        f"{CALCULATE}/": [SubscriberResponse(400, {}, b"")],
        f"{CALCULATE}/dead-letter": [response],
    }
    bench.dispatcher.publish(event())

    bench.run_until_empty()

    assert bench.subscribers.urls().count(f"{CALCULATE}/dead-letter") == 1
    assert "done" not in [posted.type for _, posted in bench.subscribers.posted]


def test_a_dead_letter_after_2xx_responses_has_no_error_extensions(new_bench: NewBench) -> None:
    bench = new_bench()
    bench.subscribers.responses[f"{CALCULATE}/"] = [SubscriberResponse(200, {}, b"OK")]
    bench.dispatcher.publish(event())

    bench.run_until_empty()

    assert not [name for _, posted in bench.subscribers.posted for name in posted.headers if "knativeerror" in name]


def test_a_chain_of_replies_ends_at_the_hop_limit(new_bench: NewBench) -> None:
    bench = new_bench()
    bench.subscribers.responses["http://watcher/"] = [as_response(event("echo"))]
    bench.dispatcher.publish(event("echo"))

    bench.run_until_empty()

    assert len(bench.subscribers.posted) == 256


def test_ten_retries_with_exponential_backoff_precede_the_dead_letter(new_bench: NewBench) -> None:
    bench = new_bench(default_triggers(CALCULATE, None))
    bench.subscribers.responses[f"{CALCULATE}/"] = [SubscriberResponse(409, {}, b"")]
    bench.dispatcher.publish(event())

    times = bench.run_until_empty()

    assert times == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 127.5, 255.5, 511.5]
    assert bench.subscribers.urls() == [f"{CALCULATE}/"] * 11 + [f"{CALCULATE}/dead-letter"]


def test_the_first_retry_of_a_linear_backoff_is_immediate() -> None:
    trigger = Trigger("linear", "http://there", backoff_policy="linear", backoff_delay=2)

    assert [trigger.backoff(attempt) for attempt in range(4)] == [0, 2, 4, 6]


def test_an_event_without_a_dead_letter_sink_is_dropped_after_the_last_retry(new_bench: NewBench) -> None:
    bench = new_bench([Trigger("poor", "http://there", retry=2)])
    bench.subscribers.responses["http://there"] = [SubscriberResponse(500, {}, b"")]
    bench.dispatcher.publish(event())

    bench.run_until_empty()

    assert bench.subscribers.urls() == ["http://there"] * 3


def test_the_dead_letter_sink_is_retried_like_the_subscriber(new_bench: NewBench) -> None:
    bench = new_bench(default_triggers(CALCULATE, None))
    bench.subscribers.responses[f"{CALCULATE}/"] = [SubscriberResponse(400, {}, b"")]
    bench.subscribers.responses[f"{CALCULATE}/dead-letter"] = [SubscriberResponse(503, {}, b""), DONE]
    bench.dispatcher.publish(event())

    bench.run_until_empty()

    assert bench.subscribers.urls() == [f"{CALCULATE}/", *[f"{CALCULATE}/dead-letter"] * 2]


def test_a_failing_trigger_does_not_affect_others(new_bench: NewBench) -> None:
    bench = new_bench()
    bench.subscribers.responses["http://watcher/"] = [SubscriberResponse(0, {}, b"")]

    for number in range(5):
        bench.dispatcher.publish(event(number=number))
    bench.run()

    assert bench.subscribers.urls().count(f"{CALCULATE}/") == 5
    assert len(bench.queue) == 5


def test_a_restarted_broker_repeats_interrupted_deliveries(new_bench: NewBench) -> None:
    before = new_bench()
    before.dispatcher.publish(event())
    assert before.queue.claim("requested", before.now)
    assert before.queue.claim("requested", before.now) is None

    after = new_bench()
    after.run()

    assert sorted(after.subscribers.urls()) == [f"{CALCULATE}/", "http://watcher/"]
    assert after.subscribers.posted[0][1] == event()


def test_a_dead_letter_of_a_structured_event_has_its_data_and_trace(new_bench: NewBench) -> None:
    bench = new_bench(default_triggers(CALCULATE, None))
    bench.subscribers.responses[f"{CALCULATE}/"] = [SubscriberResponse(422, {}, b"")]
    envelope = {"specversion": "1.0", "type": REQUESTED, "source": "/söurce", "id": "1", "data": {"date": "2026-01-25"}}
    trace = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    headers = {"Content-Type": "application/cloudevents+json; charset=UTF-8", "Authorization": "secret", **trace}
    bench.dispatcher.publish(parse_message(headers, json.dumps(envelope).encode()))

    bench.run()

    for _, posted in bench.subscribers.posted:
        assert json.loads(posted.body) == envelope["data"]
        assert "authorization" not in posted.headers
        assert posted.headers["ce-source"] == "/s%C3%B6urce"
        assert posted.headers["traceparent"] == trace["traceparent"]
        assert posted.type == REQUESTED
    assert len(bench.subscribers.posted) == 2
