"""The Job that the backup guide applies runs like distance-buckets, whose credentials and network access it needs."""

import re
from string import Template
from typing import Any

import yaml  # type: ignore[import-untyped] # PyYAML has no type information

from tests.contract.markdown import ROOT, blocks
from tools.manifests.references import check_pod_references
from tools.manifests.rendering import render
from tools.manifests.resources import Resource
from tools.manifests.schemas import validate


def common_template(job: Resource) -> dict[str, Any]:
    """Return the pod template of a Job without the name, the arguments and the volumes of its container."""
    template: dict[str, Any] = job.manifest["spec"]["template"]
    (container,) = template["spec"]["containers"]
    own = ("name", "args", "volumeMounts")
    spec = {name: field for name, field in template["spec"].items() if name != "volumes"}
    spec["containers"] = [{name: field for name, field in container.items() if name not in own}]
    return {**template, "spec": spec}


def test_the_job_that_rebuilds_the_index_runs_like_the_job_of_the_buckets() -> None:
    base = render(ROOT / "knative" / "base")
    (buckets,) = (resource for resource in base if (resource.kind, resource.name) == ("Job", "distance-buckets"))
    (container,) = buckets.manifest["spec"]["template"]["spec"]["containers"]
    variables = {"image": container["image"], "settings": container["envFrom"][0]["configMapRef"]["name"]}
    (block,) = blocks("docs/guides/back-up.md", "sh", "## Rebuild the index")
    (manifest,) = re.findall(r"<<END\n(.*?)^END$", block, re.MULTILINE | re.DOTALL)

    job = Resource(yaml.safe_load(Template(manifest).substitute(variables)))

    assert [*validate(job), *check_pod_references(job, base)] == []
    assert job.manifest["spec"]["ttlSecondsAfterFinished"] == buckets.manifest["spec"]["ttlSecondsAfterFinished"]
    assert common_template(job) == common_template(buckets)
