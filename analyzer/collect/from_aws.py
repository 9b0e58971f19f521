"""The steps in AWS: which instance each host is, what belongs to it, and its metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from analyzer.collect.aws import BESIDE, Aws, AwsError, Identity, as_json, describe, find_instance
from analyzer.collect.steps import AWS_STEPS
from analyzer.collect.store import HostStore
from analyzer.collect.work import Work


class AwsSteps(Struct):
    """All steps in AWS of one run."""

    work: Work
    points_per_call: int | None = None
    """Data points of one call, None for the service's limit."""

    def run(self) -> None:
        """The instance of each host and its metrics."""
        if not self.work.stores:
            for name in self.work.request.found.hosts:
                self.work.store(name)
        wanted = {
            name: [step for step in AWS_STEPS if not store.is_done(step, self.work.request.asked(step))]
            for name, store in self.work.stores.items()
        }
        if not any(wanted.values()):
            return
        try:
            aws = Aws(self.work.request.profile, self.work.request.region)
        except AwsError as error:
            self.work.fail("AWS", "", str(error), error.hint)
            return
        for name, steps in sorted(wanted.items()):
            if not steps:
                continue
            try:
                self._instance(aws, self.work.stores[name], steps)
            except AwsError as error:
                self.work.fail(name, "ec2", str(error), error.hint)

    def identity(self, store: HostStore) -> Identity:
        """What inventory, facts and cloud-init say about the instance."""
        host = store.host
        said = {**self.work.request.found.variables.get(host, {}), **self.work.known.get(host, {})}
        ids = [
            str(said[key])
            for key in ("ec2_instance_id", "instance_id", "ec2_id")
            if str(said.get(key, "")).startswith("i-")
        ]
        placement = said.get("placement")
        regions = [said.get(key) for key in ("ec2_region", "aws_region", "region")]
        regions += [placement.get("region") if isinstance(placement, dict) else None, store.state.get("region")]
        addresses = [
            str(said[key]) for key in ("private_ip_address", "ec2_private_ip_address", "ansible_host") if said.get(key)
        ]
        own = [*addresses, *store.state.get("addresses", ())]
        private = [
            one for one in own if one.replace(".", "").isdigit() and not one.startswith(("127.", "169.254.", "172.17."))
        ]
        names = [host, host.partition(".")[0], *store.state.get("names", ())]
        return Identity(
            host=host,
            instance_ids=tuple(dict.fromkeys(ids or store.state.get("instance_ids", ()))),
            addresses=tuple(dict.fromkeys(private)),
            names=tuple(dict.fromkeys(name for name in names if name not in ("", "localhost"))),
            region=next((str(one) for one in regions if isinstance(one, str) and one), ""),
        )

    def _instance(self, aws: Aws, store: HostStore, steps: Sequence[str]) -> None:
        identity = self.identity(store)
        region = aws.region_of(identity)
        reservation = find_instance(aws, identity)
        instance = reservation["Instances"][0]
        if "ec2" in steps:
            failed = False
            names = [store.write("ec2.json", as_json({"Reservations": [reservation]}))]
            for file, operation, key in BESIDE:
                try:
                    names.append(
                        store.write(f"aws/{file}.json", as_json(describe(aws, region, instance, operation, key)))
                    )
                except AwsError as error:
                    failed = True
                    self.work.fail(identity.host, "ec2", str(error), error.hint)
            status = "failed" if failed else "done"
            store.finish(
                "ec2", self.work.request.asked("ec2"), self.work.stamp, status, [name for name in names if name]
            )
            if not failed:
                self.work.progress(identity.host, "ec2")
        if "cloudwatch" in steps:
            try:
                self._metrics(aws, region, store, replace(identity, region=region), instance)
            except AwsError as error:
                self.work.fail(identity.host, "cloudwatch", str(error), error.hint)

    def _metrics(
        self, aws: Aws, region: str, store: HostStore, identity: Identity, instance: Mapping[str, Any]
    ) -> None:
        from analyzer.collect.cloudwatch import POINTS_PER_CALL, documents, metrics_of

        request = self.work.request
        end = self.work.now.replace(second=0, microsecond=0)
        start = end - timedelta(days=request.days)
        metrics = metrics_of(aws, region, instance, identity.names, request.namespace)
        answers = documents(aws, region, metrics, start, end, self.work.now, self.points_per_call or POINTS_PER_CALL)
        names = []
        for file, answer in answers.items():
            if any(result["Values"] for result in answer["MetricDataResults"]):
                names.append(store.write(file, as_json(answer)))
        if not names:
            message = f"CloudWatch has no figures of {instance['InstanceId']} in the last {request.days} days"
            hint = "was the instance running? is this the right account?"
            self.work.fail(identity.host, "cloudwatch", message, hint, partial=True)
        elif not any(metric.namespace == request.namespace for metric in metrics):
            message = f"the CloudWatch agent (namespace {request.namespace}) has no metric of this host: no memory"
            hint = "name another namespace with --agent-namespace; sysstat's files may have it"
            self.work.fail(identity.host, "cloudwatch", message, hint, partial=True)
        written = [name for name in names if name]
        store.finish("cloudwatch", request.asked("cloudwatch"), self.work.stamp, "done", written)
        self.work.progress(identity.host, "cloudwatch")
