"""An installation of its own in a namespace of its own: an overlay, its secrets, and what it needs beside it."""

import json
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress

from tests.cluster import caller, database
from tests.cluster.kubectl import Kubectl, Refused, Resource, TooSlow, condition, until
from tests.cluster.options import OVERLAYS, Options
from tools.manifests.rendering import load_documents, render_overlay

FUNCTIONS = ("submit", "calculate", "status", "list")
KNATIVE = ("services.serving.knative.dev", "brokers.eventing.knative.dev", "pingsources.sources.knative.dev")
_MARK = {"otel-worker.test": "cluster"}  # a namespace without it is somebody else's
_READY_SECONDS = 300


class Installation:
    """The namespace of a run and what is in it."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.kubectl = Kubectl(options.namespace)
        self.key = secrets.token_hex(24)
        self.caller = caller.Caller(self.kubectl, {"X-API-Key": self.key})
        self.database = database.Database(self.kubectl) if options.own_database else None
        self.password = secrets.token_hex(16)
        self.rendered: list[Resource] = []

    def begin(self) -> None:
        """Nothing of the namespace's name is there; Refused without Knative, or where it is somebody else's."""
        for name in KNATIVE:
            if not self.kubectl.get("crd", name):
                raise Refused(f"the cluster has no {name}: Knative Serving and Eventing are needed")
        found = self.kubectl.get("namespace", self.options.namespace)
        if found and _MARK.items() > found["metadata"].get("labels", {}).items():
            raise Refused(f"NAMESPACE: {self.options.namespace} is there already, and not made by this test")
        self.end()

    def end(self) -> None:
        """The namespace is gone with all that was in it."""
        if not self.kubectl.get("namespace", self.options.namespace):
            return
        # A namespace is looked at again only after half the longest grace of its pods: calculate's is ten minutes.
        self.kubectl.run("delete", "ksvc,brokers,deployments,statefulsets,jobs", "--all", "--wait=false")
        with suppress(Refused):  # a cluster without RabbitMQ's operator doesn't know the kind
            self.kubectl.run("delete", "rabbitmqclusters", "--all", "--wait=false")
        with suppress(TooSlow):  # then the namespace takes its time
            until("pods gone", self._emptied, 120)
        self.kubectl.delete("namespace", self.options.namespace)

    def _emptied(self) -> bool:
        self.kubectl.run("delete", "pods", "--all", "--grace-period=0", "--force", "--wait=false")
        return not self.kubectl.items("pods")

    def install(self) -> float:
        """Apply everything; the seconds until all of it was Ready."""
        self.rendered = self.render()
        namespace = next(one for one in self.rendered if one["kind"] == "Namespace")
        namespace["metadata"]["labels"] |= _MARK
        self.kubectl.apply([namespace])
        self.kubectl.apply(self._secrets())
        beside = [caller.pod(self.options.image)]
        if self.database:
            beside += database.resources(self.options.postgres_image)
        self.kubectl.apply(beside)
        if self.database:
            self.database.filled(self.password)
        self.kubectl.run("wait", "pod/caller", "--for=condition=Ready", "--timeout=120s")
        began = time.monotonic()
        self.kubectl.apply(self.rendered)
        self.wait_until_ready()
        self.wait_for_job("distance-buckets")
        self._forget_first_revisions()
        seconds = time.monotonic() - began
        for function in FUNCTIONS:  # the cluster's DNS may remember for some seconds that a name was not there
            until(f"{function} answers", lambda function=function: self._answers(function), 60)  # type: ignore[misc] # mypy knows no defaults of lambdas
        return seconds

    def _forget_first_revisions(self) -> None:
        """Those that began before SinkBinding had given them K_SINK would start in vain for ten minutes more."""
        serving = {one["status"]["latestReadyRevisionName"] for one in self.kubectl.items("ksvc")}
        for revision in self.kubectl.items("revision"):
            name = revision["metadata"]["name"]
            if name not in serving and condition(revision).get("status") != "True":
                self.kubectl.delete("revision", name)

    def _answers(self, function: str) -> bool:
        return self.caller.asks("GET", self.url(f"distance-{function}") + "/healthz").status == 200

    def wait_until_ready(self) -> None:
        """Every Service, Trigger and source of the installation is Ready, as the controllers saw it last."""
        for kind in ("ksvc", "broker", "trigger", "sinkbinding", "pingsource"):
            for name in {one["metadata"]["name"] for one in self.kubectl.items(kind)}:
                until(f"{kind}/{name} Ready", lambda kind=kind, name=name: self._ready(kind, name), _READY_SECONDS)  # type: ignore[misc] # mypy knows no defaults of lambdas

    def wait_for_job(self, name: str) -> None:
        """A Job has ended well."""

        def succeeded() -> bool:
            return bool((self.kubectl.get("job", name) or {}).get("status", {}).get("succeeded"))

        until(f"job/{name} done", succeeded, _READY_SECONDS)

    def _ready(self, kind: str, name: str) -> bool:
        found = self.kubectl.get(kind, name) or {}
        seen = found.get("status", {}).get("observedGeneration") == found.get("metadata", {}).get("generation")
        return seen and condition(found).get("status") == "True"

    def render(self) -> list[Resource]:
        """The overlay for this namespace, image and storage, as kustomize gives it."""
        overlay = OVERLAYS / self.options.overlay
        fields: Resource = {
            "namespace": self.options.namespace,
            "images": [{"name": "dev.local/otel-worker", **_image(self.options.image)}],
            "patches": [{"target": {"group": "serving.knative.dev", "kind": "Service"}, "patch": json.dumps(_SOON)}],
        }
        rabbitmq = [{"op": "add", "path": "/spec/persistence", "value": {"storage": "0"}}]
        if self.options.rabbitmq_image:
            rabbitmq.append({"op": "add", "path": "/spec/image", "value": self.options.rabbitmq_image})
        fields["patches"].append({"target": {"kind": "RabbitmqCluster"}, "patch": json.dumps(rabbitmq)})
        components = []
        if self.options.own_storage:
            fields["patches"].append(
                {"target": {"kind": "StatefulSet", "name": "minio"}, "patch": json.dumps(_NO_VOLUME)}
            )
            if "components/minio" not in (overlay / "kustomization.yaml").read_text(encoding="utf-8"):
                components.append(OVERLAYS.parent / "components" / "minio")
        else:
            address = self.options.storage["AWS_ENDPOINT_URL_S3"]
            settings = {"name": "otel-worker", "behavior": "merge", "literals": [f"AWS_ENDPOINT_URL_S3={address}"]}
            fields["configMapGenerator"] = [settings]
        return list(load_documents(render_overlay(overlay, components, **fields)))

    def _secrets(self) -> list[Resource]:
        root = self.options.storage or {"AWS_ACCESS_KEY_ID": "admin", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20)}
        found = [_secret("distance-storage-admin", {name: root[name] for name in root if name.startswith("AWS_")})]
        url = self.options.database_url
        if url is None:
            url = f"postgresql://{database.READER}:{self.password}@{database.NAME}/owntracks"
        for function in FUNCTIONS:
            keys = {
                "AWS_ACCESS_KEY_ID": f"otel-{function}-{self.options.namespace}",
                "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
            }
            more = {"DATABASE_URL": url} if function == "calculate" else {}
            found.append(_secret(f"distance-{function}", keys | more))
        return [*found, _secret("otel-worker-access", {"API_KEYS": self.key})]

    def url(self, service: str, *, outside: bool = False) -> str:
        """Where a Service is, from within the cluster or for whoever may reach it: what Knative says of it."""
        status = (self.kubectl.get("ksvc", service) or {})["status"]
        return str(status["url"] if outside else status["address"]["url"]).rstrip("/")

    @property
    def knatives_own_broker(self) -> bool:
        """Whether the Broker is of Knative's own class; others have rules of their own."""
        [found] = [one for one in self.rendered if one["kind"] == "Broker"]
        name = found["metadata"].get("annotations", {}).get("eventing.knative.dev/broker.class")
        return name in (None, "MTChannelBasedBroker")

    def broker_url(self) -> str:
        """Where the Broker takes events."""
        found = self.kubectl.get("broker", "otel-worker") or {}
        return str(found["status"]["address"]["url"])

    def pods(self, service: str) -> list[Resource]:
        """A Service's pods, those that are ending included."""
        return self.kubectl.items("pods", f"serving.knative.dev/service={service}")

    def running(self, service: str) -> list[str]:
        """The names of a Service's pods that are not ending."""
        return [pod["metadata"]["name"] for pod in self.pods(service) if "deletionTimestamp" not in pod["metadata"]]


# To zero in half a minute, so that much of it can be seen.
_WINDOW = "/spec/template/metadata/annotations/autoscaling.knative.dev~1window"
_SOON = [{"op": "add", "path": _WINDOW, "value": "6s"}]
# Its data go with the test, so that a cluster without a storage class will do.
_NO_VOLUME = [
    {"op": "remove", "path": "/spec/volumeClaimTemplates"},
    {"op": "add", "path": "/spec/template/spec/volumes/-", "value": {"name": "data", "emptyDir": {}}},
]


def _image(reference: str) -> Mapping[str, str]:
    """A reference as kustomize's fields."""
    name, _, digest = reference.partition("@")
    if digest:
        return {"newName": name, "digest": digest}
    host, slash, rest = name.rpartition("/")
    repository, _, tag = rest.partition(":")
    return {"newName": f"{host}{slash}{repository}", "newTag": tag or "latest"}


def _secret(name: str, content: Mapping[str, str]) -> Resource:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": dict(content)}
