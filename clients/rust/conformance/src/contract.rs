//! How is a message of the contract written as JSON? By the descriptors, as protobuf's own mapping.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor};
use serde_json::Value;

use crate::Failure;

static CONTRACT: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let bytes = include_bytes!("../../../python/weir/weir.binpb").as_slice();
    DescriptorPool::decode(bytes).expect("the contract's own descriptors")
});

/// The request of a method, from JSON.
pub fn request<M: Message + Default>(method: &str, json: &Value) -> Result<M, Failure> {
    let read = DynamicMessage::deserialize(find(method)?.input(), json)?;
    Ok(M::decode(read.encode_to_vec().as_slice())?)
}

/// A response of a method, as JSON.
pub fn response(method: &str, message: &impl Message) -> Result<Value, Failure> {
    write(find(method)?.output(), message)
}

/// A message by its full name, as JSON.
pub fn named(name: &str, message: &impl Message) -> Result<Value, Failure> {
    let descriptor = CONTRACT.get_message_by_name(name);
    write(
        descriptor.ok_or_else(|| format!("no message {name}"))?,
        message,
    )
}

fn write(descriptor: MessageDescriptor, message: &impl Message) -> Result<Value, Failure> {
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())?;
    Ok(serde_json::to_value(dynamic)?)
}

fn find(method: &str) -> Result<MethodDescriptor, Failure> {
    let (service, name) = method.split_once('/').unwrap_or_default();
    let found = CONTRACT
        .get_service_by_name(service)
        .and_then(|service| service.methods().find(|method| method.name() == name));
    found.ok_or_else(|| format!("{method:?} is no method of the contract").into())
}
