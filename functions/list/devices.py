"""Which devices there are, as a sweep has seen them."""

from shared.http.messages import Request, Response
from shared.http.schemas import Device, Devices
from shared.job_index import devices
from shared.storage.bucket import Bucket


class DeviceLister:
    """Lists the devices of one bucket's object, which is read again only when it has changed."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._known: devices.VersionedDevices | None = None

    def every(self, call: Request) -> Response:
        """200 with all of them; none before the first look."""
        self._known = found = devices.read(self._bucket, self._known)
        seen = sorted(found.device_list.devices.items()) if found.device_list else []
        answer = Devices(
            devices=[Device(device_id=device_id, last_fix_at=at) for device_id, at in seen],
            as_of=found.device_list.as_of if found.device_list else None,
            trace_id=call.trace.trace_id,
        )
        return Response(200, answer.body())
