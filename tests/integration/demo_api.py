"""A Flask API with the handlers of otel-demo's blueprint, after the changes of docs/guides/otel-demo.md.

Its list handler has no clause for ValidationError, as otel-demo's has none today.
"""

import os
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from opentelemetry import trace
from otel_worker_client.distance_client import (
    DistanceClient,
    DistanceServiceError,
    NotFoundError,
    ServiceUnavailableError,
    Timestamp,
    ValidationError,
)

distance_bp = Blueprint("distance", __name__, url_prefix="/api/distance")
STATUSES = ("queued", "processing", "completed", "failed")
tracer = trace.get_tracer(__name__)


def get_distance_client() -> DistanceClient:
    """Return the client. DistanceClient returns the same instance for the same arguments."""
    endpoint = os.getenv("DISTANCE_SERVICE_ENDPOINT", "localhost:50051")
    return DistanceClient(endpoint, int(os.getenv("DISTANCE_SERVICE_TIMEOUT", "20")))


def get_trace_id(span: trace.Span) -> str:
    return f"{span.get_span_context().trace_id:032x}"


def error_response(message: str, code: str, trace_id: str, status_code: int = 400) -> ResponseReturnValue:
    return jsonify({"error": {"code": code, "message": message}, "trace_id": trace_id}), status_code


def iso(timestamp: Timestamp) -> str:
    return timestamp.ToDatetime().isoformat() + "Z"


def is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


@distance_bp.route("/calculate", methods=["POST"])
def calculate_distance() -> ResponseReturnValue:  # noqa: PLR0911 - as in otel-demo
    with tracer.start_as_current_span("calculate-distance-handler") as span:
        trace_id = get_trace_id(span)
        if not request.is_json:
            return error_response("Request must be JSON", "VALIDATION_ERROR", trace_id)
        data = request.get_json()
        day, device_id = data.get("date"), data.get("device_id", "")
        if not day:
            return error_response("Missing required field: date", "VALIDATION_ERROR", trace_id)
        if not is_date(day):
            return error_response("Invalid date format. Expected YYYY-MM-DD", "VALIDATION_ERROR", trace_id)
        if day > date.today().isoformat():  # noqa: DTZ011 - as in otel-demo, in the time zone of the process
            return error_response("Date cannot be in the future", "VALIDATION_ERROR", trace_id)
        if device_id and not device_id.replace("_", "").isalnum():
            return error_response("device_id must be alphanumeric with underscores", "VALIDATION_ERROR", trace_id)
        try:
            response = get_distance_client().calculate_distance(day, device_id)
            status_url = f"/api/distance/jobs/{response.job_id}"
            body = {"job_id": response.job_id, "status": response.status, "queued_at": iso(response.queued_at)}
            return jsonify({**body, "status_url": status_url, "trace_id": trace_id}), 202
        except ServiceUnavailableError as e:
            return error_response(str(e), "SERVICE_UNAVAILABLE", trace_id, 503)
        except ValidationError as e:
            return error_response(str(e), "VALIDATION_ERROR", trace_id, 400)
        except DistanceServiceError as e:
            return error_response(str(e), "INTERNAL_ERROR", trace_id, 500)


@distance_bp.route("/jobs/<job_id>", methods=["GET"])
def get_job_status(job_id: str) -> ResponseReturnValue:
    with tracer.start_as_current_span("get-job-status-handler") as span:
        trace_id = get_trace_id(span)
        try:
            response = get_distance_client().get_job_status(job_id)
            body: dict[str, Any] = {"job_id": response.job_id, "status": response.status, "trace_id": trace_id}
            body["queued_at"] = iso(response.queued_at)
            if response.started_at.seconds > 0:
                body["started_at"] = iso(response.started_at)
            if response.completed_at.seconds > 0:
                body["completed_at"] = iso(response.completed_at)
            if response.status == "completed" and response.result:
                result = response.result
                body["result"] = {
                    "csv_download_url": f"/api/distance/download/{PurePosixPath(result.csv_path).name}",
                    "total_distance_km": result.total_distance_km,
                    "total_locations": result.total_locations,
                    "max_distance_km": result.max_distance_km,
                    "min_distance_km": result.min_distance_km,
                    "processing_time_ms": result.processing_time_ms,
                    "date": result.date,
                    "device_id": result.device_id,
                }
            if response.status == "failed" and response.error_message:
                body["error_message"] = response.error_message
            return jsonify(body)
        except ValidationError as e:
            return error_response(str(e), "NOT_FOUND", trace_id, 404)
        except ServiceUnavailableError as e:
            return error_response(str(e), "SERVICE_UNAVAILABLE", trace_id, 503)
        except DistanceServiceError as e:
            return error_response(str(e), "INTERNAL_ERROR", trace_id, 500)


@distance_bp.route("/jobs", methods=["GET"])
def list_jobs() -> ResponseReturnValue:  # noqa: PLR0911 - as in otel-demo
    with tracer.start_as_current_span("list-jobs-handler") as span:
        trace_id = get_trace_id(span)
        status, day, device_id = (request.args.get(name, "") for name in ("status", "date", "device_id"))
        try:
            limit, offset = int(request.args.get("limit", "50")), int(request.args.get("offset", "0"))
        except ValueError:
            return error_response("limit and offset must be integers", "VALIDATION_ERROR", trace_id)
        if not 1 <= limit <= 500:
            return error_response("limit must be between 1 and 500", "VALIDATION_ERROR", trace_id)
        if offset < 0:
            return error_response("offset must be non-negative", "VALIDATION_ERROR", trace_id)
        if status and status not in STATUSES:
            return error_response(f"status must be one of: {', '.join(STATUSES)}", "VALIDATION_ERROR", trace_id)
        if day and not is_date(day):
            return error_response("Invalid date format. Expected YYYY-MM-DD", "VALIDATION_ERROR", trace_id)
        try:
            response = get_distance_client().list_jobs(status, limit, offset, day, device_id)
            jobs = []
            for job in response.jobs:
                row = {"job_id": job.job_id, "status": job.status, "date": job.date, "device_id": job.device_id}
                row["queued_at"] = iso(job.queued_at)
                if job.completed_at.seconds > 0:
                    row["completed_at"] = iso(job.completed_at)
                jobs.append(row)
            after = offset + limit if offset + limit < response.total_count else None
            page = {"total_count": response.total_count, "limit": limit, "offset": offset, "next_offset": after}
            return jsonify({"jobs": jobs, **page, "trace_id": trace_id})
        except ServiceUnavailableError as e:
            return error_response(str(e), "SERVICE_UNAVAILABLE", trace_id, 503)
        except DistanceServiceError as e:
            return error_response(str(e), "INTERNAL_ERROR", trace_id, 500)


@distance_bp.route("/download/<filename>", methods=["GET"])
def download_csv(filename: str) -> ResponseReturnValue:  # noqa: PLR0911 - as in otel-demo
    with tracer.start_as_current_span("download-csv-handler") as span:
        trace_id = get_trace_id(span)
        if not filename.startswith("distance_") or not filename.endswith(".csv"):
            return error_response("Invalid filename format", "VALIDATION_ERROR", trace_id)
        if ".." in filename or "/" in filename or "\\" in filename:
            return error_response("Invalid filename: path traversal detected", "VALIDATION_ERROR", trace_id)
        try:
            content = get_distance_client().download_csv(filename)
        except NotFoundError as e:
            return error_response(str(e), "NOT_FOUND", trace_id, 404)
        except ValidationError as e:
            return error_response(str(e), "VALIDATION_ERROR", trace_id, 400)
        except ServiceUnavailableError as e:
            return error_response(str(e), "SERVICE_UNAVAILABLE", trace_id, 503)
        except DistanceServiceError as e:
            return error_response(str(e), "INTERNAL_ERROR", trace_id, 500)
        response = Response(content, mimetype="text/csv")
        response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
        return response


def app() -> Flask:
    flask_app = Flask(__name__)
    flask_app.register_blueprint(distance_bp)
    return flask_app
