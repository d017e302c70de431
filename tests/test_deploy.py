"""The files that start several replicas are valid, and harden what they start."""

from pathlib import Path

import pytest

from mien.cli.serve import serve

yaml = pytest.importorskip("yaml")
DEPLOY = Path(__file__).parents[1] / "deploy"
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


def test_the_builder_is_sent_what_the_image_needs() -> None:
    root = DEPLOY.parent
    sent = {
        line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = [
        name
        for line in (root / "Containerfile").read_text().splitlines()
        if line.startswith("COPY ")
        for name in line.split()[1:-1]
    ]
    assert copied
    assert set(copied) == sent
