"""Kubernetes: workers as a Job."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hpsearch.engines.launching import LaunchError, LaunchOrder, Submitted, fill_template, run_command

SECRET = "hpsearch-storage"  # noqa: S105 - its name
_GIGABYTES_REQUESTED, _GIGABYTES_AT_MOST = 2, 3
_FAILURES_A_POD = 3
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Kubernetes:
    """Submits through `kubectl create`."""

    order: LaunchOrder
    image: str
    environment: Mapping[str, str]
    queue: str | None = None
    """Of Kueue, which then decides when the pods begin."""

    def write(self) -> str:
        """The manifest."""
        order, share = self.order, self.order.gpu_share
        return fill_template(
            "kubernetes.yml",
            study=order.study,
            command=order.command,
            secret=SECRET,
            name=f"hpsearch-{make_name(order.study)}",
            label=json.dumps(make_name(order.study)),
            queue=f"\n    kueue.x-k8s.io/queue-name: {json.dumps(self.queue)}" if self.queue else "",
            tasks=order.tasks,
            failures=max(20, _FAILURES_A_POD * order.tasks),
            deadline=f"\n  activeDeadlineSeconds: {max(1, round(order.seconds))}" if order.seconds else "",
            image=json.dumps(self.image),
            arguments=json.dumps(["worker", order.study, *order.flags]),
            workers_a_task=share,
            memory_request=f"{_GIGABYTES_REQUESTED * share}Gi",
            memory_limit=f"{_GIGABYTES_AT_MOST * share}Gi",
            gpu_limit=", nvidia.com/gpu: 1" if order.gpus else "",
        )

    def submit(self, text: str) -> Submitted:
        """Hand the manifest to kubectl.

        Raises:
            InputError: There is no kubectl on PATH.
            LaunchError: The cluster refused it.
        """
        options = list(self.order.options)
        hint = "install it, or add --print and apply the manifest elsewhere"
        command = ["kubectl", "create", "--filename", "-", "--output", "name", *options]
        said = run_command(command, text, self.environment, hint=hint)
        name = said.splitlines()[-1].rpartition("/")[2].strip() if said else ""
        if not name:
            raise LaunchError("kubectl named no Job")
        more = "".join(f" {option}" for option in options)
        return Submitted(
            job=name,
            look=f"kubectl get pods --selector job-name={name}{more}",
            cancel=f"kubectl delete job {name}{more}",
            logs=f"kubectl logs --selector job-name={name} --prefix --follow{more}",
        )


def make_name(study: str) -> str:
    """A study's name as Kubernetes takes one (RFC 1123): small letters, digits and hyphens; told apart by a hash."""
    name = re.sub(r"[^a-z0-9]+", "-", study.lower()).strip("-")[:_LONGEST_NAME].strip("-")
    if name == study:
        return name
    return f"{name or 'study'}-{hashlib.sha256(study.encode()).hexdigest()[:6]}"
