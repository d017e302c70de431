"""Start a Ray cluster of several nodes on this machine, also where it is busy.

A node of Ray dies if its dashboard agent and its agent for environments, two Python programs, have
not reported their ports within 15 seconds, which no setting changes
(https://github.com/ray-project/ray/issues/65983). No test needs a dashboard, so the first agent
only sleeps, and the second one's port is chosen here. Both ports are reported in advance.
"""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from unittest import mock

SETTINGS = {
    "RAY_AUTH_MODE": "disabled",
    # A worker that is killed at its start may still be in this process's group.
    "RAY_process_group_cleanup_enabled": "false",
    "RAY_worker_niceness": "0",
    "RAY_worker_register_timeout_seconds": "300",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_health_check_timeout_ms": "60000",
    "RAY_enable_pipe_based_agent_to_parent_health_check": "1",
}
"""Patience for a busy machine, and no token that would be written to the user's home."""
STORE_BYTES = 100 * 2**20


class Nodes:
    """A cluster: a head without processors of its own, and nodes of one processor each."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster = Cluster()

    def start(self, count: int) -> Self:
        self.add(num_cpus=0, no_monitor=True, include_log_monitor=False)
        for _ in range(count):
            self.add(num_cpus=1)
        return self

    def add(self, **settings: Any) -> Any:
        """Start one more node."""
        port = find_port()
        with without_dashboard(port):
            return self.cluster.add_node(
                object_store_memory=STORE_BYTES, runtime_env_agent_port=port, **settings
            )


@contextmanager
def running_nodes(count: int) -> Iterator[Nodes]:
    """Run a cluster with some nodes, to which this process is connected."""
    with (
        tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder,
        # Ray's own folder may not exist yet, and a cluster that is in use may be noted there.
        mock.patch.dict(os.environ, SETTINGS | {"RAY_TMPDIR": folder}),
    ):
        import ray

        nodes = Nodes()
        try:
            nodes.start(count)
            ray.init(address=nodes.cluster.address, log_to_driver=False, logging_level="ERROR")
            yield nodes
        finally:
            ray.shutdown()
            nodes.cluster.shutdown()


@contextmanager
def without_dashboard(runtime_env_agent_port: int) -> Iterator[None]:
    """Start nodes without dashboards, with the ports that raylets wait for."""
    from ray._private import services
    from ray._private.node import Node

    start, build = Node.start_raylet, services._build_python_executable_command_memory_profileable

    def report_and_start(node: Any, *arguments: Any, **options: Any) -> Any:
        unused = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port")
        ports = {**dict.fromkeys(unused, -1), "runtime_env_agent_port": runtime_env_agent_port}
        for name, port in ports.items():
            Path(node._session_dir, f"{name}_{node._node_id}").write_text(str(port))
        return start(node, *arguments, **options)

    def build_or_sleep(component: str, *arguments: Any, **options: Any) -> list[str]:
        if component == "dashboard_agent":
            return ["/bin/sh", "-c", "exec sleep 900"]
        return build(component, *arguments, **options)

    with (
        mock.patch.object(Node, "start_raylet", report_and_start),
        mock.patch.object(Node, "start_api_server", return_value=None),
        mock.patch.object(
            services, "_build_python_executable_command_memory_profileable", build_or_sleep
        ),
    ):
        yield


def find_port() -> int:
    with socket.socket() as free:
        free.bind(("", 0))
        return int(free.getsockname()[1])
