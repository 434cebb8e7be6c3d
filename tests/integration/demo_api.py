"""A Flask API in front of otel-worker, which uses DistanceClient as otel-demo's blueprint uses its gRPC client."""

import os
from pathlib import PurePosixPath
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request
from otel_worker_client.distance_client import (
    DistanceClient,
    DistanceServiceError,
    NotFoundError,
    ServiceUnavailableError,
    Timestamp,
    ValidationError,
)

distance = Blueprint("distance", __name__, url_prefix="/api/distance")


KINDS: tuple[tuple[type[Exception], str, int], ...] = (
    (NotFoundError, "NOT_FOUND", 404),
    (ValidationError, "VALIDATION_ERROR", 400),
    (ServiceUnavailableError, "SERVICE_UNAVAILABLE", 503),
    (DistanceServiceError, "INTERNAL_ERROR", 500),
)


def client() -> DistanceClient:
    """Made anew for each request: the class gives the same one."""
    endpoint = os.environ["DISTANCE_SERVICE_ENDPOINT"]
    return DistanceClient(endpoint, int(os.environ.get("DISTANCE_SERVICE_TIMEOUT", "30")))


def instant(timestamp: Timestamp) -> str:
    return timestamp.ToDatetime().isoformat() + "Z"


@distance.errorhandler(DistanceServiceError)
def refused(exc: DistanceServiceError) -> tuple[Response, int]:
    code, status = next((code, status) for kind, code, status in KINDS if isinstance(exc, kind))
    return jsonify({"error": {"code": code, "message": str(exc)}}), status


@distance.post("/calculate")
def calculate() -> tuple[Response, int]:
    body = request.get_json()
    answer = client().calculate_distance(body["date"], body.get("device_id", ""))
    path = f"/api/distance/jobs/{answer.job_id}"
    told = {
        "job_id": answer.job_id,
        "status": answer.status,
        "queued_at": instant(answer.queued_at),
        "status_url": path,
    }
    return jsonify(told), 202


@distance.get("/jobs/<job_id>")
def job(job_id: str) -> Response:
    found = client().get_job_status(job_id)
    told: dict[str, Any] = {"job_id": found.job_id, "status": found.status, "queued_at": instant(found.queued_at)}
    if found.started_at.seconds > 0:
        told["started_at"] = instant(found.started_at)
    if found.completed_at.seconds > 0:
        told["completed_at"] = instant(found.completed_at)
    if found.status == "completed" and found.result:
        result = found.result
        told["result"] = {
            "csv_download_url": f"/api/distance/download/{PurePosixPath(result.csv_path).name}",
            "total_distance_km": result.total_distance_km,
            "total_locations": result.total_locations,
            "max_distance_km": result.max_distance_km,
            "min_distance_km": result.min_distance_km,
            "processing_time_ms": result.processing_time_ms,
            "date": result.date,
            "device_id": result.device_id,
        }
    if found.status == "failed" and found.error_message:
        told["error_message"] = found.error_message
    return jsonify(told)


@distance.get("/jobs")
def jobs() -> Response:
    asked = request.args
    status, date, device_id = (asked.get(name, "") for name in ("status", "date", "device_id"))
    limit, offset = int(asked.get("limit", "50")), int(asked.get("offset", "0"))
    found = client().list_jobs(status, limit, offset, date, device_id)
    rows = []
    for one in found.jobs:
        row = {"job_id": one.job_id, "status": one.status, "date": one.date, "device_id": one.device_id}
        if one.completed_at.seconds > 0:
            row["completed_at"] = instant(one.completed_at)
        rows.append(row)
    after = offset + limit
    told = {"jobs": rows, "total_count": found.total_count, "next_offset": after if after < found.total_count else None}
    return jsonify(told)


@distance.get("/download/<filename>")
def download(filename: str) -> Response:
    attachment = {"Content-Disposition": f"attachment; filename={filename}"}
    return Response(client().download_csv(filename), mimetype="text/csv", headers=attachment)


def app() -> Flask:
    made = Flask(__name__)
    made.register_blueprint(distance)
    return made
