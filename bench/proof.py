"""Do both servers give the whole answer, word for word, before anything is timed?

Run as `python -m bench.proof --port N --unary MODEL --stream MODEL --chunks 100 ...`: a real
grpcio client calls each model once and compares the text. It runs in its own process, so that
the harness, which starts processes all the time, never loads gRPC.
"""

import argparse
import sys

import grpc

from bench.payload import answer_text
from bench.requests import chat_request
from weir.v1 import provider_service_pb2, provider_service_pb2_grpc

TIMEOUT_S = 30.0


def unary_text(stub: provider_service_pb2_grpc.LLMProviderServiceStub, model: str) -> str:
    """The text of a Chat answer."""
    response = stub.Chat(chat_request(model), timeout=TIMEOUT_S)
    return "".join(part.text for part in response.message.parts)


def stream_text(stub: provider_service_pb2_grpc.LLMProviderServiceStub, model: str) -> str:
    """The text that a StreamChat answer spells; raises unless it closes with an `end`."""
    request = provider_service_pb2.StreamChatRequest(request=chat_request(model))
    text, last = [], ""
    for response in stub.StreamChat(request, timeout=TIMEOUT_S):
        for event in response.events:
            last = event.WhichOneof("event") or ""
            if last == "part_start":
                text.append(event.part_start.part.text)
            elif last == "part_delta":
                text.append(event.part_delta.text)
    if last != "end":
        raise ValueError(f"the stream's last event is {last or 'missing'}, not its end")
    return "".join(text)


def main() -> None:
    """Compare, and end with a sentence and code 1 at the first difference."""
    parser = argparse.ArgumentParser(description="check one answer of each kind word for word")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chunks", type=int, required=True)
    parser.add_argument("--unary", action="append", default=[], metavar="MODEL")
    parser.add_argument("--stream", action="append", default=[], metavar="MODEL")
    given = parser.parse_args()
    expected = answer_text(given.chunks)
    with grpc.insecure_channel(f"127.0.0.1:{given.port}") as channel:
        stub = provider_service_pb2_grpc.LLMProviderServiceStub(channel)
        for read, models in ((unary_text, given.unary), (stream_text, given.stream)):
            for model in models:
                try:
                    text = read(stub, model)
                except (grpc.RpcError, ValueError) as error:
                    sys.exit(f"{model}: the call failed: {error}")
                if text != expected:
                    sys.exit(f"{model}: {len(text)} characters came, {len(expected)} were sent")


if __name__ == "__main__":
    main()
