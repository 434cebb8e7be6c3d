"""Knative's delivery rules, by the clock of the test and subscribers of its own."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.broker import triggers
from local.delivery import Answer, Trigger
from local.messages import message
from tests.unit.broker_bench import CALCULATE, DONE, REQUESTED, Bench, as_answer, event

NewBench = Callable[..., Bench]


@pytest.fixture
def new_bench(tmp_path: Path) -> Iterator[NewBench]:
    made: list[Bench] = []

    def make(rules: list[Trigger] | None = None) -> Bench:
        made.append(Bench(tmp_path / "queue.sqlite3", rules or triggers(CALCULATE, "http://watcher/")))
        return made[-1]

    yield make
    for bench in made:
        bench.queue.close()


def test_a_trigger_gets_what_its_filter_admits_and_one_without_a_filter_gets_all(new_bench: NewBench) -> None:
    bench = new_bench()

    bench.courier.accept(event(REQUESTED))
    bench.courier.accept(event("something.else"))
    bench.run()

    assert bench.subscribers.urls() == [f"{CALCULATE}/", "http://watcher/", "http://watcher/"]
    assert not len(bench.queue)


@pytest.mark.parametrize("status", [0, 404, 408, 409, 429, 500, 502, 503, 504])
def test_a_failure_that_may_pass_is_tried_again(new_bench: NewBench, status: int) -> None:
    bench = new_bench()
    bench.subscribers.answers[f"{CALCULATE}/"] = [Answer(status, {}, b""), DONE]
    bench.courier.accept(event())

    bench.run()
    assert bench.subscribers.urls().count(f"{CALCULATE}/") == 1
    bench.wait(0.5)
    bench.run()

    assert bench.subscribers.urls().count(f"{CALCULATE}/") == 2
    assert not len(bench.queue)


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 405, 413, 422])
def test_a_failure_that_can_not_pass_goes_to_the_dead_letter_sink_at_once(new_bench: NewBench, status: int) -> None:
    bench = new_bench()
    bench.subscribers.answers[f"{CALCULATE}/"] = [Answer(status, {}, b"because")]
    bench.courier.accept(event())

    bench.run()

    [letter] = [posted for url, posted in bench.subscribers.posted if url == f"{CALCULATE}/dead-letter"]
    assert letter.body == event().body
    assert letter.headers["ce-knativeerrordest"] == f"{CALCULATE}/"
    assert letter.headers["ce-knativeerrorcode"] == str(status)
    assert base64.b64decode(letter.headers["ce-knativeerrordata"]) == b"because"
    assert not len(bench.queue)


@pytest.mark.parametrize("body", [b"OK", b'{"status": "done"}'])
def test_a_success_whose_body_is_no_event_is_a_failed_delivery(new_bench: NewBench, body: bytes) -> None:
    bench = new_bench()
    bench.subscribers.answers[f"{CALCULATE}/"] = [Answer(200, {"Content-Type": "application/json"}, body), DONE]
    bench.courier.accept(event())

    bench.run_to_the_end()

    assert bench.subscribers.urls().count(f"{CALCULATE}/") == 2


def test_an_event_in_the_reply_is_a_new_event(new_bench: NewBench) -> None:
    bench = new_bench()
    bench.subscribers.answers[f"{CALCULATE}/"] = [as_answer(event("done", 2))]
    bench.courier.accept(event())

    bench.run()

    assert [(url, posted.type) for url, posted in bench.subscribers.posted] == [
        (f"{CALCULATE}/", REQUESTED),
        ("http://watcher/", REQUESTED),
        ("http://watcher/", "done"),
    ]


def test_a_reply_without_data_is_an_event_too(new_bench: NewBench) -> None:
    bench = new_bench()
    bench.subscribers.answers[f"{CALCULATE}/"] = [Answer(200, event("done", 2).headers, b"")]
    bench.courier.accept(event())

    bench.run()

    assert bench.subscribers.posted[-1][1].type == "done"


@pytest.mark.parametrize(("own", "passed"), [({}, "its cause's"), ({"traceparent": "its own"}, "its own")])
def test_a_reply_goes_on_in_its_own_trace_or_that_of_its_cause(
    new_bench: NewBench, own: dict[str, str], passed: str
) -> None:
    bench = new_bench()
    bench.subscribers.answers[f"{CALCULATE}/"] = [Answer(200, {**event("done", 2).headers, **own}, b"{}")]
    bench.courier.accept(message({**event().headers, "traceparent": "its cause's"}, b"{}"))

    bench.run()

    assert bench.subscribers.posted[-1][1].headers["traceparent"] == passed


@pytest.mark.parametrize("said", [Answer(200, {}, b"OK"), as_answer(event("done", 2))])
def test_a_success_of_the_dead_letter_sink_is_one_whatever_it_replies(new_bench: NewBench, said: Answer) -> None:
    bench = new_bench()
    bench.subscribers.answers |= {f"{CALCULATE}/": [Answer(400, {}, b"")], f"{CALCULATE}/dead-letter": [said]}
    bench.courier.accept(event())

    bench.run_to_the_end()

    assert bench.subscribers.urls().count(f"{CALCULATE}/dead-letter") == 1
    assert "done" not in [posted.type for _, posted in bench.subscribers.posted]


def test_a_dead_letter_of_answers_that_were_no_failure_by_their_status_carries_no_reason(new_bench: NewBench) -> None:
    bench = new_bench()
    bench.subscribers.answers[f"{CALCULATE}/"] = [Answer(200, {}, b"OK")]
    bench.courier.accept(event())

    bench.run_to_the_end()

    assert not [name for _, posted in bench.subscribers.posted for name in posted.headers if "knativeerror" in name]


def test_replies_to_replies_come_to_an_end(new_bench: NewBench) -> None:
    bench = new_bench()
    bench.subscribers.answers["http://watcher/"] = [as_answer(event("echo"))]
    bench.courier.accept(event("echo"))

    bench.run_to_the_end()

    assert len(bench.subscribers.posted) == 256


def test_ten_retries_with_doubling_delays_outlast_a_lease_then_comes_the_dead_letter(new_bench: NewBench) -> None:
    bench = new_bench(triggers(CALCULATE, None))
    bench.subscribers.answers[f"{CALCULATE}/"] = [Answer(409, {}, b"")]
    bench.courier.accept(event())

    times = bench.run_to_the_end()

    assert times == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 127.5, 255.5, 511.5]
    assert bench.subscribers.urls() == [f"{CALCULATE}/"] * 11 + [f"{CALCULATE}/dead-letter"]


def test_the_first_retry_of_a_linear_backoff_is_immediate() -> None:
    rule = Trigger("linear", "http://there", backoff_policy="linear", backoff_delay=2)

    assert [rule.backoff(attempt) for attempt in range(4)] == [0, 2, 4, 6]


def test_without_a_dead_letter_sink_an_event_is_dropped_in_the_end(new_bench: NewBench) -> None:
    bench = new_bench([Trigger("poor", "http://there", retry=2)])
    bench.subscribers.answers["http://there"] = [Answer(500, {}, b"")]
    bench.courier.accept(event())

    bench.run_to_the_end()

    assert bench.subscribers.urls() == ["http://there"] * 3


def test_the_dead_letter_sink_is_retried_as_the_subscriber_was(new_bench: NewBench) -> None:
    bench = new_bench(triggers(CALCULATE, None))
    bench.subscribers.answers[f"{CALCULATE}/"] = [Answer(400, {}, b"")]
    bench.subscribers.answers[f"{CALCULATE}/dead-letter"] = [Answer(503, {}, b""), DONE]
    bench.courier.accept(event())

    bench.run_to_the_end()

    assert bench.subscribers.urls() == [f"{CALCULATE}/", *[f"{CALCULATE}/dead-letter"] * 2]


def test_one_triggers_failures_are_no_others(new_bench: NewBench) -> None:
    bench = new_bench()
    bench.subscribers.answers["http://watcher/"] = [Answer(0, {}, b"")]

    for number in range(5):
        bench.courier.accept(event(number=number))
    bench.run()

    assert bench.subscribers.urls().count(f"{CALCULATE}/") == 5
    assert len(bench.queue) == 5


def test_the_queue_outlives_its_process_and_what_was_on_its_way_comes_again(new_bench: NewBench) -> None:
    before = new_bench()
    before.courier.accept(event())
    assert before.queue.take("requested", before.now)
    assert before.queue.take("requested", before.now) is None

    after = new_bench()
    after.run()

    assert sorted(after.subscribers.urls()) == [f"{CALCULATE}/", "http://watcher/"]
    assert after.subscribers.posted[0][1] == event()


def test_a_dead_letter_of_a_structured_event_keeps_its_data_and_trace(new_bench: NewBench) -> None:
    bench = new_bench(triggers(CALCULATE, None))
    bench.subscribers.answers[f"{CALCULATE}/"] = [Answer(422, {}, b"")]
    envelope = {"specversion": "1.0", "type": REQUESTED, "source": "/söurce", "id": "1", "data": {"date": "2026-01-25"}}
    trace = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    headers = {"Content-Type": "application/cloudevents+json; charset=UTF-8", "Authorization": "secret", **trace}
    bench.courier.accept(message(headers, json.dumps(envelope).encode()))

    bench.run()

    for _, posted in bench.subscribers.posted:
        assert json.loads(posted.body) == envelope["data"]
        assert "authorization" not in posted.headers
        assert posted.headers["ce-source"] == "/s%C3%B6urce"
        assert posted.headers["traceparent"] == trace["traceparent"]
        assert posted.type == REQUESTED
    assert len(bench.subscribers.posted) == 2
