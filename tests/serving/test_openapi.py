"""Requests made from the service's own OpenAPI, valid and invalid, never find a fault of ours."""

from pathlib import Path

import hypothesis
import pytest

import mien
from mien.serving.limits import Limits
from served import serving

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

pytestmark = [pytest.mark.enable_socket, pytest.mark.slow]


def test_generated_requests_find_no_fault(tiny_model: Path):
    limits = Limits(workers=1, upload_s=2, answer_s=5, max_image_bytes=2**20)
    checks = schemathesis.checks
    analyzer = mien.Analyzer(tiny_model, threads=1)
    with serving(analyzer, limits) as client:
        schema = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")
        seen = set()
        for found in schema.get_all_operations():
            operation = found.ok()
            seen.add(operation.label)

            @hypothesis.given(case=operation.as_strategy())
            @hypothesis.settings(
                max_examples=15,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            def try_out(case) -> None:
                case.call_and_validate(
                    excluded_checks=[
                        checks.positive_data_acceptance,  # random bytes are no picture
                        checks.negative_data_rejection,
                    ]
                )

            try_out()
        assert client.get("/readyz").status_code == 200
    assert "POST /v1/analyze" in seen
