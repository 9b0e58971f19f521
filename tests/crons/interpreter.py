"""moto's Step Functions interpreter with DynamoDB, SNS and itself for real, and ECS by a script of the test."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.validate import ParamValidator

REGION = "ap-northeast-1"
TABLE = "locks"


class Ecs:
    """What `ecs:runTask.sync` does next: `start-failure`, or an exit status."""

    def __init__(self) -> None:
        self.script: list[str | int] = []
        self.requests: list[dict[str, Any]] = []

    def next(self) -> str | int:
        return self.script.pop(0) if self.script else 0


@contextmanager
def interpreter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A fresh AWS in memory whose state machines really run."""
    moto = pytest.importorskip("moto", reason="the interpreter of state machines comes with moto")
    pytest.importorskip("antlr4", reason="moto's interpreter parses with antlr4")
    from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
    from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
        FailureEvent,
        FailureEventException,
    )
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
        state_task_service as base,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_ecs import (
        StateTaskServiceEcs,
    )
    from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

    ecs = Ecs()
    session = botocore.session.get_session()

    def operation(self: Any, service: str | None, action: str | None) -> Any:
        model = session.get_service_model(self._get_boto_service_name(service))
        name = self._get_boto_service_action(action).replace("_", "")
        return next(model.operation_model(item) for item in model.operation_names if item.lower() == name)

    def normalise(
        self: Any, response: Any, boto_service_name: str | None = None, service_action_name: str | None = None
    ) -> None:
        # moto leaves this out: AWS answers in PascalCase whatever the service's own case is.
        self._from_boto_response(response, operation(self, boto_service_name, service_action_name).output_shape)

    def run_task(
        self: Any, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
    ) -> None:
        request = json.loads(json.dumps(normalised_parameters))
        self._to_boto_request(request, operation(self, None, None).input_shape)
        report = ParamValidator().validate(request, operation(self, None, None).input_shape)
        assert not report.has_errors(), report.generate_report()
        ecs.requests.append(request)
        outcome = ecs.next()
        if outcome == 0:
            env.stack.append({"Tasks": [{"TaskArn": "arn:task", "ClusterArn": "arn:cluster"}]})
            return
        name = (
            CustomErrorName("ECS.AmazonECSException")
            if outcome == "start-failure"
            else StatesErrorName(StatesErrorNameType.StatesTaskFailed)
        )
        error = "ECS.AmazonECSException" if outcome == "start-failure" else "States.TaskFailed"
        details = TaskFailedEventDetails(
            error=error, cause=f"outcome {outcome}", resource="runTask.sync", resourceType="ecs"
        )
        raise FailureEventException(
            FailureEvent(env, name, HistoryEventType.TaskFailed, EventDetails(taskFailedEventDetails=details))
        )

    def parameters(
        self: Any, parameters: dict[str, Any], service: str | None = None, action: str | None = None
    ) -> None:
        self._to_boto_request(parameters, operation(self, service, action).input_shape)

    if (jsonata := find_spec("jsonata")) is not None and jsonata.loader is not None:
        # moto knows JSONata's place in the language, but brings nothing that evaluates it.
        from jsonata import Jsonata
        from moto.stepfunctions.parser.asl.jsonata import jsonata as bridge

        monkeypatch.setattr(bridge, "_eval_jsonata", lambda text: Jsonata(text).evaluate(None))
    monkeypatch.setattr(base.StateTaskService, "_normalise_parameters", parameters)
    monkeypatch.setattr(base.StateTaskService, "_normalise_response", normalise)
    monkeypatch.setattr(StateTaskServiceEcs, "_eval_service_task", run_task)
    monkeypatch.setattr(
        StateTaskServiceEcs, "_build_sync_resolver", lambda *args, **kwargs: lambda: {"LastStatus": "STOPPED"}
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with moto.mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield Machine(ecs)


class Machine:
    """The resources that a state machine of the bundle talks to."""

    def __init__(self, ecs: Ecs) -> None:
        self.ecs = ecs
        self.started = 0
        self.states = boto3.client("stepfunctions", REGION)
        self.table = boto3.client("dynamodb", REGION)
        self.table.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "Name", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "Name", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.topic = boto3.client("sns", REGION).create_topic(Name="alarms")["TopicArn"]
        role = {"Version": "2012-10-17", "Statement": []}
        self.role = boto3.client("iam", REGION).create_role(
            RoleName="states", AssumeRolePolicyDocument=json.dumps(role)
        )["Role"]["Arn"]

    def filled(self, text: str) -> str:
        """As Terraform's `templatefile` fills the file in; pauses between attempts are cut short for the test."""
        for name, value in (
            ("${cluster}", f"arn:aws:ecs:{REGION}:123456789012:cluster/c"),
            ("${task_definition}", "accounting-production-batch_light"),
            ("${subnets}", "subnet-1"),
            ("${security_groups}", "sg-1"),
            ("${lock_table}", TABLE),
            ("${topic}", self.topic),
            ("${metric_namespace}", "accounting/production"),
        ):
            text = text.replace(name, value)
        return text.replace('"IntervalSeconds": 30', '"IntervalSeconds": 1').replace('"Seconds": 30', '"Seconds": 1')

    def create(self, name: str, definition: str) -> str:
        made = self.states.create_state_machine(name=name, definition=self.filled(definition), roleArn=self.role)
        return made["stateMachineArn"]

    def start(self, machine: str, scheduled_time: str = "", given: dict[str, Any] | None = None) -> str:
        if given is None:
            given = {"job": "close"} | ({"scheduled_time": scheduled_time} if scheduled_time else {})
        self.started += 1  # moto calls an execution without a name "None"
        made = self.states.start_execution(stateMachineArn=machine, input=json.dumps(given), name=f"run-{self.started}")
        return made["executionArn"]

    def wait(self, execution: str) -> tuple[str, list[str]]:
        """Status, and the names of the states it went through."""
        deadline = time.monotonic() + 30
        while (status := self.states.describe_execution(executionArn=execution)["status"]) == "RUNNING":
            assert time.monotonic() < deadline, "still running"
            time.sleep(0.05)
        return status, self.visited(execution)

    def visited(self, execution: str) -> list[str]:
        events = self.states.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]

    def rows(self) -> set[str]:
        return {item["Name"]["S"] for item in self.table.scan(TableName=TABLE)["Items"]}
