"""An installation in its own namespace: an overlay, its Secrets, a database and a client pod."""

import json
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from tests.cluster import caller, database
from tests.cluster.kubectl import Kubectl, KubectlError, Resource, WaitTimeout, is_ready, wait_until
from tests.cluster.options import OVERLAYS, Options
from tools.manifests.rendering import load_documents, render_overlay

_STORAGE_USERS = ("submit", "calculate", "status", "list")
FUNCTIONS = (*_STORAGE_USERS, "web")
_KNATIVE_CRDS = ("services.serving.knative.dev", "brokers.eventing.knative.dev", "pingsources.sources.knative.dev")
_LABELS = {"otel-worker.test": "cluster"}  # only namespaces with these labels are deleted
_READY_SECONDS = 300


class Installation:
    """The namespace of a run and its resources."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.kubectl = Kubectl(options.namespace)
        self.api_key = secrets.token_hex(24)
        self.caller = caller.Caller(self.kubectl, {"X-API-Key": self.api_key})
        self.database = database.Database(self.kubectl) if options.deploys_database else None
        self.password = secrets.token_hex(16)
        self.rendered: list[Resource] = []

    def prepare(self) -> None:
        """Delete the namespace of an earlier run. Raises KubectlError without Knative or for a foreign namespace."""
        for name in _KNATIVE_CRDS:
            if not self.kubectl.get("crd", name):
                raise KubectlError(f"the cluster has no {name}: Knative Serving and Eventing are required")
        namespace = self.kubectl.get("namespace", self.options.namespace)
        if namespace and not is_created_by_test(namespace):
            raise KubectlError(f"NAMESPACE: {self.options.namespace} exists and was not created by this test")
        self.remove()

    def remove(self) -> None:
        """Delete the namespace if it exists."""
        if not self.kubectl.get("namespace", self.options.namespace):
            return
        # Without this the deletion takes minutes: Kubernetes retries it after half the longest grace period of a pod,
        # which is ten minutes for calculate.
        self.kubectl.run("delete", "ksvc,brokers,deployments,statefulsets,jobs", "--all", "--wait=false")
        with suppress(KubectlError):  # the kind exists only with RabbitMQ's operator
            self.kubectl.run("delete", "rabbitmqclusters", "--all", "--wait=false")
        with suppress(WaitTimeout):  # the deletion of the namespace then takes longer
            wait_until("pods deleted", self._delete_pods, 120)
        self.kubectl.delete("namespace", self.options.namespace)

    def _delete_pods(self) -> bool:
        self.kubectl.run("delete", "pods", "--all", "--grace-period=0", "--force", "--wait=false")
        return not self.kubectl.list_resources("pods")

    def install(self) -> float:
        """Apply all resources. Return the seconds until they are ready."""
        self.rendered = self.render()
        namespace = next(resource for resource in self.rendered if resource["kind"] == "Namespace")
        namespace["metadata"]["labels"] |= _LABELS
        self.kubectl.apply([namespace])
        self.kubectl.apply(self._secrets())
        dependencies = [caller.pod(self.options.image)]
        if self.database:
            dependencies += database.resources(self.options.postgres_image)
        self.kubectl.apply(dependencies)
        if self.database:
            self.database.initialize(self.password)
        self.kubectl.run("wait", "pod/caller", "--for=condition=Ready", "--timeout=120s")
        started = time.monotonic()
        self.kubectl.apply(self.rendered)
        self.wait_until_ready()
        self.wait_for_job("distance-buckets")
        self._delete_unready_revisions()
        seconds = time.monotonic() - started
        for function in FUNCTIONS:  # the cluster's DNS caches for some seconds that a name did not exist
            wait_until(f"{function} is live", partial(self._is_live, function), 60)
        return seconds

    def _delete_unready_revisions(self) -> None:
        """Delete revisions from before SinkBinding set K_SINK. They would retry to start for ten minutes."""
        serving = {service["status"]["latestReadyRevisionName"] for service in self.kubectl.list_resources("ksvc")}
        for revision in self.kubectl.list_resources("revision"):
            name = revision["metadata"]["name"]
            if name not in serving and not is_ready(revision):
                self.kubectl.delete("revision", name)

    def _is_live(self, function: str) -> bool:
        return self.caller.send("GET", self.url(f"distance-{function}") + "/healthz").status == 200

    def wait_until_ready(self) -> None:
        """Wait until all Services, Triggers and sources are ready in their current generation."""
        for kind in ("ksvc", "broker", "trigger", "sinkbinding", "pingsource"):
            for name in {resource["metadata"]["name"] for resource in self.kubectl.list_resources(kind)}:
                wait_until(f"{kind}/{name} ready", partial(self._is_ready, kind, name), _READY_SECONDS)

    def wait_for_job(self, name: str) -> None:
        """Wait until a Job has succeeded."""

        def succeeded() -> bool:
            return bool((self.kubectl.get("job", name) or {}).get("status", {}).get("succeeded"))

        wait_until(f"job/{name} succeeded", succeeded, _READY_SECONDS)

    def _is_ready(self, kind: str, name: str) -> bool:
        resource = self.kubectl.get(kind, name) or {}
        observed = resource.get("status", {}).get("observedGeneration")
        return observed == resource.get("metadata", {}).get("generation") and is_ready(resource)

    def render(self) -> list[Resource]:
        """Render the overlay for this namespace, image and storage."""
        overlay = OVERLAYS / self.options.overlay
        fields: Resource = {
            "namespace": self.options.namespace,
            "images": [{"name": "dev.local/otel-worker", **_image_fields(self.options.image)}],
            "patches": [
                {"target": {"group": "serving.knative.dev", "kind": "Service"}, "patch": json.dumps(_SHORT_WINDOW)}
            ],
        }
        rabbitmq = [{"op": "add", "path": "/spec/persistence", "value": {"storage": "0"}}]
        if self.options.rabbitmq_image:
            rabbitmq.append({"op": "add", "path": "/spec/image", "value": self.options.rabbitmq_image})
        fields["patches"].append({"target": {"kind": "RabbitmqCluster"}, "patch": json.dumps(rabbitmq)})
        components = []
        if self.options.deploys_storage:
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
        manifests = [_secret("distance-storage-admin", {name: root[name] for name in root if name.startswith("AWS_")})]
        url = self.options.database_url
        if url is None:
            url = f"postgresql://{database.READER}:{self.password}@{database.NAME}/owntracks"
        for function in _STORAGE_USERS:
            keys = {
                "AWS_ACCESS_KEY_ID": f"otel-{function}-{self.options.namespace}",
                "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
            }
            database_url = {"DATABASE_URL": url} if function == "calculate" else {}
            manifests.append(_secret(f"distance-{function}", keys | database_url))
        return [*manifests, _secret("otel-worker-access", {"API_KEYS": self.api_key})]

    def url(self, service: str, *, outside: bool = False) -> str:
        """Return the address of a Service within the cluster, or its public URL with `outside`."""
        status = (self.kubectl.get("ksvc", service) or {})["status"]
        return str(status["url"] if outside else status["address"]["url"]).rstrip("/")

    @property
    def has_default_broker_class(self) -> bool:
        """Whether the Broker has Knative's default class. Other classes deliver differently."""
        [broker] = [resource for resource in self.rendered if resource["kind"] == "Broker"]
        name = broker["metadata"].get("annotations", {}).get("eventing.knative.dev/broker.class")
        return name in (None, "MTChannelBasedBroker")

    def broker_url(self) -> str:
        """Return the address of the Broker's ingress."""
        broker = self.kubectl.get("broker", "otel-worker") or {}
        return str(broker["status"]["address"]["url"])

    def pods(self, service: str) -> list[Resource]:
        """Return a Service's pods, including those that are terminating."""
        return self.kubectl.list_resources("pods", f"serving.knative.dev/service={service}")

    def running_pods(self, service: str) -> list[str]:
        """Return the names of a Service's pods that are not terminating."""
        return [pod["metadata"]["name"] for pod in self.pods(service) if "deletionTimestamp" not in pod["metadata"]]


# A short window makes functions scale to zero within half a minute.
_WINDOW = "/spec/template/metadata/annotations/autoscaling.knative.dev~1window"
_SHORT_WINDOW = [{"op": "add", "path": _WINDOW, "value": "6s"}]
# Without a volume the test also runs on clusters without a storage class.
_NO_VOLUME = [
    {"op": "remove", "path": "/spec/volumeClaimTemplates"},
    {"op": "add", "path": "/spec/template/spec/volumes/-", "value": {"name": "data", "emptyDir": {}}},
]


def is_created_by_test(namespace: Resource) -> bool:
    """Return whether the namespace has the labels of this test, so that it may be deleted."""
    labels: dict[str, str] = namespace["metadata"].get("labels", {})
    return _LABELS.items() <= labels.items()


def _image_fields(reference: str) -> Mapping[str, str]:
    """Convert an image reference to the fields of kustomize."""
    name, _, digest = reference.partition("@")
    if digest:
        return {"newName": name, "digest": digest}
    host, slash, rest = name.rpartition("/")
    repository, _, tag = rest.partition(":")
    return {"newName": f"{host}{slash}{repository}", "newTag": tag or "latest"}


def _secret(name: str, content: Mapping[str, str]) -> Resource:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": dict(content)}
