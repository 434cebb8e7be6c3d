"""A server for the client's tests that is not there: answers by script, requests on record."""

import io
import json
from typing import Any

import requests
from otel_worker_client.transport import Transport
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

Answer = tuple[int, dict[str, Any] | bytes, dict[str, str]] | Exception


class Scripted(BaseAdapter):
    """Gives its answers one after another, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__()
        self.answers = list(answers)
        self.requests: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body, headers = answer
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        made = requests.Response()
        made.status_code, made.url, made.request = status, str(request.url), request
        made.headers.update(headers)
        made.raw = HTTPResponse(io.BytesIO(content), headers=headers, status=status, preload_content=False)
        return made

    def close(self) -> None:
        """Nothing is open."""

    def sent(self, number: int = -1) -> Any:
        """The JSON of a request."""
        return json.loads(self.requests[number].body or b"null")


def answering(transport: Transport, *answers: Answer) -> Scripted:
    """Whatever it asks is answered by script."""
    made = Scripted(*answers)
    transport._session.mount("http://", made)
    return made
