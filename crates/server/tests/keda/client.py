"""Asks an external scaler as KEDA does, with a client that is generated from externalscaler.proto beside this file.

usage: client.py ADDRESS COMMAND [KEY=VALUE ...]

COMMAND is `ask`, which prints one line of JSON with what the unary calls answer, or `watch`, which prints a line of JSON
for each message of the stream. The pairs are the metadata of the trigger.
"""

import json
import pathlib
import sys
import tempfile

import grpc
from grpc_tools import protoc

HERE = pathlib.Path(__file__).parent
SECONDS = 20


def generated(folder):
    """The modules of messages and calls, generated into a folder."""
    failed = protoc.main(
        [
            "protoc",
            f"--proto_path={HERE}",
            f"--python_out={folder}",
            f"--grpc_python_out={folder}",
            str(HERE / "externalscaler.proto"),
        ]
    )
    if failed:
        raise SystemExit("no client can be generated")
    sys.path.insert(0, folder)
    import externalscaler_pb2
    import externalscaler_pb2_grpc

    return externalscaler_pb2, externalscaler_pb2_grpc


def ask(messages, stub, scaled):
    active = stub.IsActive(scaled, timeout=SECONDS)
    spec = stub.GetMetricSpec(scaled, timeout=SECONDS).metricSpecs
    name = spec[0].metricName
    wanted = messages.GetMetricsRequest(scaledObjectRef=scaled, metricName=name)
    values = stub.GetMetrics(wanted, timeout=SECONDS).metricValues
    return {
        "active": active.result,
        "specs": [[one.metricName, one.targetSize, one.targetSizeFloat] for one in spec],
        "values": [
            [one.metricName, one.metricValue, one.metricValueFloat] for one in values
        ],
    }


def main(address, command, *pairs):
    with tempfile.TemporaryDirectory() as folder:
        messages, services = generated(folder)
        metadata = dict(pair.split("=", 1) for pair in pairs)
        scaled = messages.ScaledObjectRef(
            name="workers", namespace="shop", scalerMetadata=metadata
        )
        with grpc.insecure_channel(address) as channel:
            stub = services.ExternalScalerStub(channel)
            try:
                if command == "watch":
                    for answer in stub.StreamIsActive(scaled):
                        print(json.dumps({"active": answer.result}), flush=True)
                    print(json.dumps({"ended": True}), flush=True)
                else:
                    print(json.dumps(ask(messages, stub, scaled)), flush=True)
            except grpc.RpcError as error:
                told = {"code": error.code().name, "details": error.details()}
                print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
