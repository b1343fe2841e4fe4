"""The messages of the gRPC protocol, field by field. Triton's and KServe's cannot be imported into one process."""

from google.protobuf import descriptor_pb2

from server import ROOT

Fields = dict[tuple[str, int], tuple]


def fields(messages, prefix="") -> Fields:
    """Every field of these messages, by message and number: its name, type, whether it repeats, its message."""
    found = {}
    for message in messages:
        name = f"{prefix}{message.name}"
        for field in message.field:
            found[name, field.number] = (field.name, field.type, field.label, field.type_name)
        found |= fields(message.nested_type, f"{name}.")
    return found


def ours() -> Fields:
    files = descriptor_pb2.FileDescriptorSet()
    files.ParseFromString((ROOT / "src" / "grpc" / "descriptor.bin").read_bytes())
    return fields([message for file in files.file for message in file.message_type])


def of(*modules) -> Fields:
    """Those of generated modules."""
    found = {}
    for module in modules:
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        found |= fields(file.message_type)
    return found
