//! Is the server well? The standard health check, in two messages of one field each.

use http::uri::PathAndQuery;
use prost::Message;
use tonic::{Request, client::Grpc};
use tonic_prost::ProstCodec;

use crate::{Error, Transport};

/// What a server says of itself, or of one of its services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum HealthStatus {
    /// It does not say, or says what has no name here.
    Unknown = 0,
    /// It serves.
    Serving = 1,
    /// It does not.
    NotServing = 2,
    /// It does not know this service.
    ServiceUnknown = 3,
}

#[derive(Clone, PartialEq, Message)]
struct CheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, Message)]
struct CheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

pub(crate) async fn check(transport: Transport, service: &str) -> Result<HealthStatus, Error> {
    let request = CheckRequest {
        service: service.into(),
    };
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    let mut grpc = Grpc::new(transport);
    grpc.ready().await?;
    let codec = ProstCodec::<CheckRequest, CheckResponse>::default();
    let response = grpc.unary(Request::new(request), path, codec).await?;
    Ok(match response.into_inner().status {
        1 => HealthStatus::Serving,
        2 => HealthStatus::NotServing,
        3 => HealthStatus::ServiceUnknown,
        _ => HealthStatus::Unknown,
    })
}
