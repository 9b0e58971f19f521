"""A Terraform provider that answers one question, "what are your schemas?", and agrees with everything else.

Terraform's core then checks a configuration as it would with the real provider: names and types of arguments, required
ones, blocks, references, cycles. Values that only the real provider judges are not checked. It speaks plugin protocol 6
over a unix socket; its messages are few enough to be written by hand.

    with running(schemas) as environment:
        subprocess.run(["terraform", "init", "-backend=false"], env=environment, cwd=folder)

`schemas`: resource type, or `data.` + type -> {"args": {name: argument}, "exports": [computed attribute]}.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ADDRESS = "registry.terraform.io/hashicorp/aws"
SERVICE = "tfplugin6.Provider"
AGREEING = (
    "ValidateProviderConfig",
    "ValidateResourceConfig",
    "ValidateDataResourceConfig",
    "ConfigureProvider",
    "StopProvider",
)
TEXTS = re.compile(r"(^|_)(arn|arn_suffix|id|name|url|json|partition|region)$")
"""Computed attributes that are texts whatever the resource; `terraform test` makes values up for them."""
NESTING = ("invalid", "single", "list", "set", "map")
PROVIDER_BLOCK: Mapping[str, Any] = {
    "region": {"type": "string", "required": False},
    "profile": {"type": "string", "required": False},
    "default_tags": {
        "block": True,
        "type": "list",
        "max": 1,
        "required": False,
        "args": {"tags": {"type": "map(string)", "required": False}},
    },
}


class Message:
    """A protobuf message while it is written."""

    def __init__(self) -> None:
        self.data = bytearray()

    def number(self, field: int, value: int) -> Message:
        """A varint field; zero is the default and left out."""
        if value:
            self._varint(field << 3)
            self._varint(value)
        return self

    def bytes(self, field: int, value: str | bytes | Message) -> Message:
        """A length-delimited field: text, bytes or another message."""
        content = (
            value.encode() if isinstance(value, str) else bytes(value.data if isinstance(value, Message) else value)
        )
        self._varint(field << 3 | 2)
        self._varint(len(content))
        self.data += content
        return self

    def _varint(self, value: int) -> None:
        while value >= 0x80:
            self.data.append(value & 0x7F | 0x80)
            value >>= 7
        self.data.append(value)


def type_json(text: str) -> bytes:
    """`map(list(string))` as Terraform writes types in JSON."""
    if text == "any":
        return b'"dynamic"'
    outer, bracket, inner = text.partition("(")
    return b'["%s",%s]' % (outer.encode(), type_json(inner.removesuffix(")"))) if bracket else b'"%s"' % text.encode()


def block(arguments: Mapping[str, Any], exports: tuple[str, ...] = (), *, nested: bool = False) -> Message:
    """Schema.Block: attributes are field 2, nested blocks field 3; what is left out inside of a block stays unset."""
    made = Message()
    for name in sorted(arguments):
        argument = arguments[name]
        if argument.get("block"):
            inner = Message().bytes(1, name).bytes(2, block(argument["args"] or {}, nested=True))
            inner.number(3, NESTING.index(argument["type"]))
            if argument["type"] in ("list", "set"):
                inner.number(4, int(argument["required"])).number(5, argument.get("max") or 0)
            made.bytes(3, inner)
        else:
            required = bool(argument["required"])
            attribute = Message().bytes(1, name).bytes(2, type_json(argument["type"]))
            made.bytes(2, attribute.number(4, required).number(5, not required).number(6, not required and not nested))
    for name in exports:
        if name not in arguments:
            kind = b'"string"' if TEXTS.search(name) else b'"dynamic"'
            made.bytes(2, Message().bytes(1, name).bytes(2, kind).number(6, 1))
    return made


def answer(schemas: Mapping[str, Any]) -> bytes:
    """GetProviderSchema.Response: the provider is field 1, resources are field 2, data sources field 3."""
    made = Message().bytes(1, Message().bytes(2, block(PROVIDER_BLOCK)))
    for name, schema in schemas.items():
        body = Message().bytes(2, block(schema["args"], tuple(schema.get("exports", ()))))
        entry = Message().bytes(1, name.removeprefix("data.")).bytes(2, body)
        made.bytes(3 if name.startswith("data.") else 2, entry)
    return bytes(made.data)


@contextmanager
def running(schemas: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The provider on a socket, and the environment in which terraform finds it instead of downloading one."""
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")  # terraform is forked from this process
    import grpc

    def reply(data: bytes) -> Any:
        return grpc.unary_unary_rpc_method_handler(lambda request, context: data)

    with tempfile.TemporaryDirectory(prefix="tf-stub-") as name:
        folder = Path(name)
        handlers = {"GetProviderSchema": reply(answer(schemas)), **{call: reply(b"") for call in AGREEING}}
        server = grpc.server(ThreadPoolExecutor(max_workers=2))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        socket = folder / "socket"
        server.add_insecure_port(f"unix:{socket}")
        server.start()
        (folder / "terraformrc").touch()
        attached = {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": {"Network": "unix", "String": str(socket)},
        }
        try:
            yield {
                **os.environ,
                "TF_REATTACH_PROVIDERS": json.dumps({ADDRESS: attached}),
                "TF_CLI_CONFIG_FILE": str(folder / "terraformrc"),
                "TF_DATA_DIR": str(folder / "data"),
                "TF_IN_AUTOMATION": "1",
                "CHECKPOINT_DISABLE": "1",
            }
        finally:
            server.stop(grace=None).wait()
