"""The trace context of a request is what OpenTelemetry's propagator extracts."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.telemetry.context import trace_of

_PARTS = st.tuples(
    st.sampled_from(["00", "01", "ff", "0", "0A"]),
    st.from_regex("[0-9a-f]{32}", fullmatch=True) | st.sampled_from(["0" * 32, "A" * 32, "1" * 31]),
    st.from_regex("[0-9a-f]{16}", fullmatch=True) | st.sampled_from(["0" * 16, "1" * 17]),
    st.sampled_from(["00", "01", "03", "ff", "1", "01-x", "01 ", "01\t", "01-" + "x" * 600]),
)
_TRACEPARENTS = st.builds("{}{}".format, st.sampled_from(["", " ", "x"]), _PARTS.map("-".join)) | st.text(max_size=60)
_TRACESTATES = st.sampled_from(["", "a=1", "a=1,b=2", "A=1", "a=1,a=2", "=", ",".join(f"k{n}=v" for n in range(40))])


@given(_TRACEPARENTS, st.none() | _TRACESTATES, st.sampled_from(["", "ce-"]))
def test_trace_is_that_of_the_propagator(traceparent: str, tracestate: str | None, prefix: str) -> None:
    carrier = {"traceparent": traceparent} | ({} if tracestate is None else {"tracestate": tracestate})
    expected = get_current_span(TraceContextTextMapPropagator().extract(carrier)).get_span_context()
    trace = trace_of({f"{prefix}{name}": text for name, text in carrier.items()})
    if not expected.is_valid:
        assert trace.parent is None
        return
    assert trace.parent is not None
    assert (int(trace.trace_id, 16), int(trace.parent.span_id, 16)) == (expected.trace_id, expected.span_id)
    assert (trace.flags, trace.tracestate) == (expected.trace_flags, expected.trace_state.to_header())
    assert trace.parent.is_remote
    assert trace.span_id != trace.parent.span_id
