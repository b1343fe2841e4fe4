"""What no pod of k8s/ may do, and that each part of a server means the same pods."""

import re

import pytest
from manifests import KUSTOMIZATIONS, SERVERS, VERSION, container, of_kind, pods, rendered, selects, size

VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "secret"}
"""Of those that the standard `restricted` allows, what is used here."""


def breaches(name: str, spec: dict) -> list[str]:
    """What the pod security standard `restricted` forbids, and a little more."""
    found = []
    whole = spec.get("securityContext", {})
    kserve = name.startswith("ClusterServingRuntime")
    if not kserve and spec.get("automountServiceAccountToken", True):
        found.append("a token of Kubernetes is mounted")
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            found.append(field)
    for volume in spec.get("volumes", []):
        found += [f"volume of {kind}" for kind in volume.keys() - {"name"} - VOLUMES]
    for only in spec["containers"] + spec.get("initContainers", []):
        own = only.get("securityContext", {})
        both = {**whole, **own}
        if both.get("runAsNonRoot") is not True or both.get("runAsUser", 0) < 10_000:
            found.append("may be root, or a user of the node")
        if both.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            found.append("no seccomp profile")
        if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
            found.append("may gain privileges")
        if own.get("capabilities") != {"drop": ["ALL"]}:
            found.append("has capabilities")
        if own.get("readOnlyRootFilesystem") is not True:
            found.append("writes into the image")
        resources = only.get("resources", {})
        if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
            found.append("no limits")
        if any(port.get("hostPort") for port in only.get("ports", [])):
            found.append("a port of the node")
        if not re.search(rf":{re.escape(VERSION)}(-models|-shell)?$", only["image"]):
            found.append(f"image {only['image']} is not of version {VERSION}")
    return found


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_every_pod_is_restricted(kustomization: str) -> None:
    for name, spec in pods(kustomization):
        assert breaches(name, spec) == [], name


@pytest.mark.parametrize(
    "change",
    [
        lambda pod, only: pod["securityContext"].pop("runAsNonRoot"),
        lambda pod, only: pod["securityContext"].update(runAsUser=0),
        lambda pod, only: only["securityContext"].update(runAsUser=0),
        lambda pod, only: pod["securityContext"].pop("seccompProfile"),
        lambda pod, only: pod.pop("automountServiceAccountToken"),
        lambda pod, only: pod.update(hostNetwork=True),
        lambda pod, only: pod["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
        lambda pod, only: only["securityContext"].pop("allowPrivilegeEscalation"),
        lambda pod, only: only["securityContext"].update(privileged=True),
        lambda pod, only: only["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
        lambda pod, only: only["securityContext"].pop("readOnlyRootFilesystem"),
        lambda pod, only: only["resources"]["limits"].pop("memory"),
        lambda pod, only: only.update(image="onnxd"),
        lambda pod, only: only.update(image="onnxd:latest"),
        lambda pod, only: only.update(image="onnxd:0.0.9"),
        lambda pod, only: pod.update(initContainers=[{"name": "x", "image": "onnxd:latest"}]),
    ],
)
def test_a_breach_would_be_found(change) -> None:
    ((name, spec),) = pods("base")
    change(spec, spec["containers"][0])
    assert breaches(name, spec)


@pytest.mark.parametrize("kustomization", SERVERS)
def test_selectors_mean_the_servers_and_no_pods_of_batches(kustomization: str) -> None:
    documents = rendered(kustomization)
    deployment = of_kind(documents, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = [deployment["spec"]["selector"]]
    selectors += [spread["labelSelector"] for spread in pods(kustomization)[0][1]["topologySpreadConstraints"]]
    for document in documents:
        match document["kind"]:
            case "Service":
                selectors.append({"matchLabels": document["spec"]["selector"]})
            case "NetworkPolicy":
                selectors.append(document["spec"]["podSelector"])
            case "PodDisruptionBudget" | "PodMonitor":
                selectors.append(document["spec"]["selector"])
            case "HorizontalPodAutoscaler":
                target = document["spec"]["scaleTargetRef"]
                assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])
    assert len(selectors) >= 5
    for selector in selectors:
        assert selects(selector, labels)
        assert not selects(selector, {"app.kubernetes.io/name": "onnxd", "app.kubernetes.io/component": "batch"})


@pytest.mark.parametrize("kustomization", SERVERS)
def test_everything_that_may_grow_has_a_limit(kustomization: str) -> None:
    ((_, spec),) = pods(kustomization)
    limits = spec["containers"][0]["resources"]["limits"]
    # Without it onnxd starts a thread for each core of the node.
    assert limits["cpu"]
    requests = spec["containers"][0]["resources"]["requests"]
    # What is lent may be taken back, and the kernel does that by killing.
    assert size(requests["memory"]) == size(limits["memory"])
    for volume in spec["volumes"]:
        assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"]


@pytest.mark.parametrize("kustomization", SERVERS)
def test_what_is_written_is_on_a_volume_and_every_volume_is_used(kustomization: str) -> None:
    ((_, spec),) = pods(kustomization)
    mounts = {mount["name"]: mount for mount in spec["containers"][0]["volumeMounts"]}
    assert mounts.keys() == {volume["name"] for volume in spec["volumes"]}
    for volume in spec["volumes"]:
        assert mounts[volume["name"]].get("readOnly", False) == ("emptyDir" not in volume)
    assert mounts["tmp"]["mountPath"] == "/tmp"


def test_production_asks_the_cluster_to_refuse_less() -> None:
    labels = of_kind(rendered("overlays/production"), "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("kustomization", ["base", "overlays/production", "overlays/shared-bucket"])
def test_a_rollout_and_a_drain_leave_servers(kustomization: str) -> None:
    documents = rendered(kustomization)
    spec = of_kind(documents, "Deployment")["spec"]
    # The autoscaler says how many; a number here would undo that at every apply.
    assert "replicas" not in spec
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    least = of_kind(documents, "HorizontalPodAutoscaler")["spec"]["minReplicas"]
    assert least > of_kind(documents, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_only_the_bucket_needs_a_way_out() -> None:
    for kustomization in SERVERS:
        egress = of_kind(rendered(kustomization), "NetworkPolicy")["spec"]["egress"]
        assert bool(egress) == (kustomization == "overlays/shared-bucket")


def test_ports_of_the_network_policy_are_those_of_the_pods() -> None:
    for kustomization in SERVERS:
        ports = {port["name"] for port in container(kustomization)["ports"]}
        ingress = of_kind(rendered(kustomization), "NetworkPolicy")["spec"]["ingress"]
        assert {port["port"] for rule in ingress for port in rule["ports"]} == ports
