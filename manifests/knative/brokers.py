"""Brokers: their class and the configuration that it wants."""

from difflib import get_close_matches

from manifests.resources import BROKER, Field
from manifests.rules import Faults, Rules

RULES = Rules()
CLASS = "eventing.knative.dev/broker.class"
_CONFIG_MAP = ("v1", "ConfigMap")
_CONFIGS = {
    "MTChannelBasedBroker": _CONFIG_MAP,
    "Kafka": _CONFIG_MAP,
    "KafkaNamespaced": _CONFIG_MAP,
    "RabbitMQBroker": ("eventing.knative.dev/v1alpha1", "RabbitmqBrokerConfig"),
}


@RULES.of(BROKER)
def class_of_a_broker(root: Field) -> Faults:
    place = root["metadata"]["annotations"][CLASS]
    if place.given and not place.text:
        yield place, "Knative refuses an empty class; without the annotation the cluster's default is taken"
    meant = get_close_matches(place.text, _CONFIGS, n=1)
    if meant and place.text not in _CONFIGS:
        yield place, f"no controller sees to {place.text}: {meant[0]} is meant"


@RULES.of(BROKER)
def config_of_a_broker(root: Field) -> Faults:
    config = root["spec"]["config"]
    for name in ("apiVersion", "kind", "name"):
        if config.given and not config[name].text:
            yield config[name], "a reference names apiVersion, kind and name"
    wanted = _CONFIGS.get(root["metadata"]["annotations"][CLASS].text)
    said = (config["apiVersion"].text, config["kind"].text)
    if config.given and wanted and said[1] and said != wanted:
        yield config["kind"], f"this class of broker is configured by a {wanted[1]} of {wanted[0]}"
    if not config.given and wanted and wanted != _CONFIG_MAP:
        yield config, f"this class of broker needs a {wanted[1]}"
