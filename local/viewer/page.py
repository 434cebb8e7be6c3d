"""The pages: the latest traces, one trace as a waterfall with its log lines, and every metric as it stands."""

from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, Response, abort, render_template

from local.viewer import waterfall
from local.viewer.kept import Kept, Span

_TRACES = 50
# Nothing but this page's own: what is shown came over the network.
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def blueprint(kept: Kept) -> Blueprint:
    """The pages of what `kept` holds."""
    pages = Blueprint("pages", __name__, template_folder="templates", static_folder="static")
    pages.add_app_template_filter(_clock, "clock")

    @pages.after_request
    def guard(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @pages.get("/")
    def traces() -> str:
        return render_template("traces.html", traces=_latest(kept.spans()))

    @pages.get("/traces/<trace_id>")
    def trace(trace_id: str) -> str:
        spans = kept.spans(trace_id) if trace_id else []
        if not spans:
            abort(HTTPStatus.NOT_FOUND)
        services = list(dict.fromkeys(span.service for span in spans))
        rows, lines = waterfall.rows(spans), kept.lines(trace_id)
        whole = waterfall.milliseconds(spans)
        return render_template("trace.html", trace_id=trace_id, rows=rows, services=services, lines=lines, whole=whole)

    @pages.get("/metrics")
    def metrics() -> str:
        return render_template("metrics.html", series=kept.series())

    return pages


def _latest(spans: list[Span]) -> list[dict[str, object]]:
    by_trace: dict[str, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    latest = sorted(by_trace.items(), key=lambda item: item[1][0].start_ns, reverse=True)[:_TRACES]
    return [
        {
            "id": trace_id,
            "at_ns": found[0].start_ns,
            "name": waterfall.rows(found)[0].span.name,
            "services": ", ".join(dict.fromkeys(span.service for span in found)),
            "spans": len(found),
            "milliseconds": waterfall.milliseconds(found),
            "failed": any(span.failed for span in found),
        }
        for trace_id, found in latest
    ]


def _clock(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%H:%M:%S.%f")[:-3]
