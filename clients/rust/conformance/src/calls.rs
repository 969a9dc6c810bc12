//! How is each method called? Answers by the client's own methods, the rest over the stubs.

use prost::Message;
use tonic::{Request, Streaming};
use weir_client::{
    Answer, AnswerStream, Client, Error,
    v1::{StreamChatRequest, StreamCompleteRequest},
};

use crate::{Failure, ask::Ask, shown::Shown};

/// Why a call came to no end of its own.
enum Stop {
    /// It failed.
    Error(Error),
    /// It was cancelled, as was asked.
    Cancelled,
    /// The driver is broken.
    Broken(Failure),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<tonic::Status> for Stop {
    fn from(status: tonic::Status) -> Self {
        Self::Error(status.into())
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Broken(failure)
    }
}

/// Make a call and show what came of it.
pub async fn make(ask: &Ask, shown: &mut Shown) -> Result<(), Failure> {
    let stopped = {
        let call = dispatch(ask, shown);
        match ask.cancel_at() {
            None => call.await,
            Some(time) => tokio::time::timeout(time, call)
                .await
                .unwrap_or(Err(Stop::Cancelled)),
        }
    };
    match stopped {
        Ok(()) => Ok(()),
        Err(Stop::Error(error)) => shown.failed(&error),
        Err(Stop::Cancelled) => {
            shown.dropped();
            Ok(())
        }
        Err(Stop::Broken(failure)) => Err(failure),
    }
}

async fn dispatch(ask: &Ask, shown: &mut Shown) -> Result<(), Stop> {
    let client = ask.client()?;
    // A stub's method that gives one answer, or many.
    macro_rules! unary {
        ($service:ident . $method:ident) => {{
            let response = client
                .$service()
                .$method(Request::new(ask.request()?))
                .await?;
            shown.headers(response.metadata());
            shown.push(&ask.method, response.get_ref())?;
            Ok(())
        }};
    }
    macro_rules! stream {
        ($service:ident . $method:ident) => {{
            let response = client
                .$service()
                .$method(Request::new(ask.request()?))
                .await?;
            shown.headers(response.metadata());
            raw(response.into_inner(), ask, shown).await
        }};
    }
    // A method of the client itself.
    macro_rules! own {
        ($method:ident, $request:ident) => {{
            let request: weir_client::v1::$request = ask.request()?;
            shown.push(&ask.method, &client.$method(request).await?)?;
            Ok(())
        }};
    }
    match ask.method.as_str() {
        "weir.v1.LLMProviderService/Chat" => own!(chat, ChatRequest),
        "weir.v1.LLMProviderService/StreamChat" => {
            let request: StreamChatRequest = ask.request()?;
            follow(
                client.stream_chat(request).await?,
                "weir.v1.ChatResponse",
                ask,
                shown,
            )
            .await
        }
        "weir.v1.LLMProviderService/Complete" => own!(complete, CompleteRequest),
        "weir.v1.LLMProviderService/StreamComplete" => {
            let request: StreamCompleteRequest = ask.request()?;
            let stream = client.stream_complete(request).await?;
            follow(stream, "weir.v1.CompleteResponse", ask, shown).await
        }
        "weir.v1.LLMProviderService/Initialize" => unary!(providers.initialize),
        "weir.v1.LLMProviderService/ValidateConfig" => unary!(providers.validate_config),
        "weir.v1.LLMProviderService/CountTokens" => own!(count_tokens, CountTokensRequest),
        "weir.v1.LLMProviderService/ValidateTokenCount" => unary!(providers.validate_token_count),
        "weir.v1.EmbeddingService/Embed" => own!(embed, EmbedRequest),
        "weir.v1.ModelService/ListModels" => unary!(models.list_models),
        "weir.v1.ModelService/GetModel" => unary!(models.get_model),
        "weir.v1.ModelService/GetServerInfo" => unary!(models.get_server_info),
        "weir.v1.UsageService/GetResponseUsage" => unary!(usage.get_response_usage),
        "weir.admin.v1.ProviderAdminService/ListTargets" => unary!(admin.list_targets),
        "weir.admin.v1.ProviderAdminService/WatchTargets" => stream!(admin.watch_targets),
        "weir.admin.v1.ProviderAdminService/SetCircuitState" => unary!(admin.set_circuit_state),
        "weir.admin.v1.ProviderAdminService/ExplainRoute" => unary!(admin.explain_route),
        "weir.admin.v1.KeyAdminService/CreateKey" => unary!(keys.create_key),
        "weir.admin.v1.KeyAdminService/GetKey" => unary!(keys.get_key),
        "weir.admin.v1.KeyAdminService/ListKeys" => unary!(keys.list_keys),
        "weir.admin.v1.KeyAdminService/UpdateKey" => unary!(keys.update_key),
        "weir.admin.v1.KeyAdminService/RotateKey" => unary!(keys.rotate_key),
        "weir.admin.v1.KeyAdminService/RevokeKey" => unary!(keys.revoke_key),
        "weir.admin.v1.UsageAdminService/QueryUsage" => unary!(usage_admin.query_usage),
        "weir.admin.v1.UsageAdminService/WatchUsage" => stream!(usage_admin.watch_usage),
        "weir.admin.v1.UsageAdminService/ListCalls" => unary!(usage_admin.list_calls),
        "weir.admin.v1.UsageAdminService/SetBudget" => unary!(usage_admin.set_budget),
        "weir.admin.v1.UsageAdminService/ListBudgets" => unary!(usage_admin.list_budgets),
        "weir.admin.v1.UsageAdminService/DeleteBudget" => unary!(usage_admin.delete_budget),
        "weir.admin.v1.UsageAdminService/WatchBudgets" => stream!(usage_admin.watch_budgets),
        "grpc.health.v1.Health/Check" => health(&client, shown).await,
        other => {
            Err(Failure::from(format!("{other:?} is no method that this driver knows")).into())
        }
    }
}

/// Read a stream by the client, and leave it where the line says.
async fn follow<A: Answer + Message>(
    mut stream: AnswerStream<A>,
    name: &str,
    ask: &Ask,
    shown: &mut Shown,
) -> Result<(), Stop>
where
    A::Message: Message,
{
    shown.headers(stream.headers());
    while let Some(message) = stream.next_message().await? {
        shown.push(&ask.method, &message)?;
        if is_left(ask, shown).await? {
            return Ok(());
        }
    }
    shown.folded(name, &stream.response().await?)?;
    Ok(())
}

/// Read a stream of the stubs, and leave it where the line says.
async fn raw<M: Message>(
    mut stream: Streaming<M>,
    ask: &Ask,
    shown: &mut Shown,
) -> Result<(), Stop> {
    while let Some(message) = stream.message().await? {
        shown.push(&ask.method, &message)?;
        if is_left(ask, shown).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Pause, cancel, or say that the stream is to be left, after so many messages.
async fn is_left(ask: &Ask, shown: &Shown) -> Result<bool, Stop> {
    let read = Some(shown.messages.len());
    if let Some((count, time)) = ask.pause
        && Some(count) == read
    {
        tokio::time::sleep(time).await;
    }
    if ask.cancel_after == read {
        return Err(Stop::Cancelled);
    }
    Ok(ask.abandon_after == read)
}

async fn health(client: &Client, shown: &mut Shown) -> Result<(), Stop> {
    let status = match client.health("").await? {
        weir_client::HealthStatus::Unknown => "UNKNOWN",
        weir_client::HealthStatus::Serving => "SERVING",
        weir_client::HealthStatus::NotServing => "NOT_SERVING",
        weir_client::HealthStatus::ServiceUnknown => "SERVICE_UNKNOWN",
    };
    shown.messages.push(serde_json::json!({"status": status}));
    Ok(())
}
