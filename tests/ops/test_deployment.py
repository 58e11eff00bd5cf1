"""Manifests are valid YAML, fit together, and ask the service for what it has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cartpath.access.key_file import VARIABLE, read_keys
from cartpath.cli import app

ROOT = Path(__file__).resolve().parents[2]
OPS = ROOT / "ops"
KUBERNETES = OPS / "kubernetes"


def documents() -> list[dict[str, Any]]:
    """Return what kustomize would apply, and the secret."""
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    return [one for name in [*listed, "secret.yaml"] for one in yaml.safe_load_all((KUBERNETES / name).read_text())]


def of_kind(kind: str, name: str = "cartpath") -> dict[str, Any]:
    return next(one for one in documents() if (one["kind"], one["metadata"]["name"]) == (kind, name))


def pod() -> dict[str, Any]:
    found: dict[str, Any] = of_kind("Deployment")["spec"]["template"]["spec"]
    return found


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((OPS / "compose.yaml").read_text())
    return found


def dockerfile() -> str:
    return (OPS / "Dockerfile").read_text()


@pytest.mark.parametrize("path", sorted(OPS.rglob("*.yaml")), ids=lambda path: str(path.relative_to(OPS)))
def test_every_file_is_yaml(path: Path) -> None:
    assert all(list(yaml.safe_load_all(path.read_text())))


def test_every_manifest_has_its_head_and_is_applied() -> None:
    assert all({"apiVersion", "kind", "metadata"} <= set(one) for one in documents())
    listed = set(yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"])
    assert {path.name for path in KUBERNETES.iterdir()} == listed | {"kustomization.yaml", "secret.yaml"}
    kinds = {one["kind"] for one in documents()}
    assert kinds >= {
        "Deployment",
        "Service",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "PersistentVolumeClaim",
        "Secret",
    }


def test_probes_ask_where_the_service_answers() -> None:
    container = pod()["containers"][0]
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    port = container["ports"][0]
    assert (port["name"], str(port["containerPort"])) == ("http", container["args"][-1])
    assert of_kind("Service")["spec"]["ports"][0]["targetPort"] == "http"
    assert {"requests", "limits"} == set(container["resources"])


def test_selectors_meet_their_pods() -> None:
    for kind, name in (("Deployment", "cartpath"), ("StatefulSet", "cartpath-redis")):
        one = of_kind(kind, name)["spec"]
        labels = one["template"]["metadata"]["labels"]
        assert one["selector"]["matchLabels"].items() <= labels.items()
        assert of_kind("Service", name)["spec"]["selector"].items() <= labels.items()
    assert of_kind("PodDisruptionBudget")["spec"]["selector"] == of_kind("Deployment")["spec"]["selector"]
    target = of_kind("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "cartpath")
    assert "replicas" not in of_kind("Deployment")["spec"], "the autoscaler and this would set it in turns"


def test_volumes_are_there_and_mounted_once() -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in pod()["containers"][0]["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    assert set(mounts) == set(volumes)
    assert (
        volumes["shop"]["persistentVolumeClaim"]["claimName"]
        == of_kind("PersistentVolumeClaim", "cartpath-shop")["metadata"]["name"]
    )
    secret = of_kind("Secret", "cartpath-keys")
    assert volumes["keys"]["secret"]["secretName"] == secret["metadata"]["name"]
    variable = pod()["containers"][0]["env"][0]
    assert variable == {"name": VARIABLE, "value": f"{mounts['keys']}/{next(iter(secret['stringData']))}"}


def test_the_secret_has_the_shape_of_keys_and_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(of_kind("Secret", "cartpath-keys")["stringData"]["keys.json"])
    assert read_keys(tmp_path / "keys.json") == {}


def test_nothing_runs_as_root_or_may_write_beside_its_volumes() -> None:
    for kind, name in (("Deployment", "cartpath"), ("StatefulSet", "cartpath-redis")):
        spec = of_kind(kind, name)["spec"]["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
    user = re.search(r"^USER (\d+):\d+$", dockerfile(), re.MULTILINE)
    assert user is not None
    assert int(user[1]) == pod()["securityContext"]["runAsUser"] > 0


def test_the_image_is_slim_constrained_and_watches_itself() -> None:
    text = dockerfile()
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["python:3.11-slim"] * 2
    assert "-c constraints.txt" in text
    assert re.search(r"^HEALTHCHECK .*\n.*127\.0\.0\.1:8080/livez", text, re.MULTILINE)
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for name in shlex.split(copied):
            assert (ROOT / name).exists()
            assert f"!{name}" in (OPS / "Dockerfile.dockerignore").read_text().split()


def test_what_is_started_is_a_command() -> None:
    commands = getattr(typer.main.get_command(app), "commands")  # noqa: B009
    started = re.search(r"^CMD (\[.*\])$", dockerfile(), re.MULTILINE)
    assert started is not None
    arguments = yaml.safe_load(started[1])
    assert arguments == pod()["containers"][0]["args"]
    options = {name for param in commands["serve"].params for name in param.opts}
    assert {word for word in arguments if word.startswith("--")} <= options


def test_compose_mounts_files_that_are_there_and_knows_its_volumes() -> None:
    services = compose()["services"]
    assert set(services) == {"cartpath", "redis", "prometheus", "grafana"}
    for service in services.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (OPS / source).is_file()
            elif not source.startswith("${"):
                assert source in compose()["volumes"]
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "nothing is open to the network unless somebody decides so"
    scraped = yaml.safe_load((OPS / "prometheus.yaml").read_text())["scrape_configs"][0]
    assert scraped["job_name"] == "cartpath"  # as the alerts have it
    assert scraped["static_configs"][0]["targets"] == ["cartpath:8080"]


def test_redis_keeps_what_was_acknowledged() -> None:
    words = [*compose()["services"]["redis"]["command"]]
    pods = of_kind("StatefulSet", "cartpath-redis")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert words[1:] == pods
    assert " ".join(pods) == "--appendonly yes --appendfsync always --maxmemory-policy noeviction"
