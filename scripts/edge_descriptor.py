"""How does a proxy know the contract? By one file of descriptors, with those of error details.

    python scripts/edge_descriptor.py FILE

The client's wheel has the contract as `weir/weir.binpb`. What a status carries beside it is of
`google.rpc`, which the contract does not import; without it Envoy could not write it as JSON.
"""

import sys
from importlib.resources import files
from pathlib import Path

from google.protobuf import any_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.rpc import error_details_pb2, status_pb2


def main() -> None:
    """Write the file that the command line names."""
    if len(sys.argv) != 2:
        raise SystemExit("Name the file to write: python scripts/edge_descriptor.py FILE")
    descriptors = FileDescriptorSet.FromString(files("weir").joinpath("weir.binpb").read_bytes())
    for module in (any_pb2, status_pb2, error_details_pb2):
        module.DESCRIPTOR.CopyToProto(descriptors.file.add())
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(descriptors.SerializeToString())


if __name__ == "__main__":
    main()
