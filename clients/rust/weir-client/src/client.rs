//! What can be called? The answers with a method each, everything else over the stubs.

use std::time::Duration;

use crate::{
    CallOptions, ChatStream, CompleteStream, Error, HealthStatus, Tls, Transport,
    address::Connection,
    admin::v1::{
        key_admin_service_client::KeyAdminServiceClient,
        provider_admin_service_client::ProviderAdminServiceClient,
        usage_admin_service_client::UsageAdminServiceClient,
    },
    call, health,
    stream::AnswerStream,
    v1::{
        ChatRequest, ChatResponse, CompleteRequest, CompleteResponse, CountTokensRequest,
        CountTokensResponse, EmbedRequest, EmbedResponse, StreamChatRequest, StreamCompleteRequest,
        embedding_service_client::EmbeddingServiceClient,
        llm_provider_service_client::LlmProviderServiceClient,
        model_service_client::ModelServiceClient, usage_service_client::UsageServiceClient,
    },
};

const TIMEOUT: Duration = Duration::from_secs(60);
const STREAM_TIMEOUT: Duration = Duration::from_secs(300);
const MAX_MESSAGE_BYTES: usize = 32 * 1024 * 1024;

/// How a client is to be made; see [`Client::builder`].
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    address: String,
    api_key: Option<String>,
    tls: Tls,
    timeout: Duration,
    stream_timeout: Duration,
    max_receive_bytes: usize,
}

impl ClientBuilder {
    /// A Weir key, sent as `authorization: Bearer …` with each call.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Whether and how to use TLS; the address says it otherwise.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Time for a whole call, retries included. 60 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Time for a whole stream, and for calls over the stubs without a deadline. 300 s unless set.
    pub fn stream_timeout(mut self, timeout: Duration) -> Self {
        self.stream_timeout = timeout;
        self
    }

    /// How large an answer, or one message of a stream, may be. 32 MiB unless set.
    pub fn max_receive_bytes(mut self, bytes: usize) -> Self {
        self.max_receive_bytes = bytes;
        self
    }

    /// The client. It connects with its first call.
    ///
    /// # Errors
    /// `Misuse` for an address, a file, a key or a time that cannot be.
    pub fn build(self) -> Result<Client, Error> {
        let connection = Connection::new(&self.address, &self.tls)?;
        let headers = call::of_client(self.api_key.as_deref())?;
        let stream_timeout = call::positive(self.stream_timeout, "stream_timeout")?;
        Ok(Client {
            transport: Transport::new(connection, headers, stream_timeout),
            timeout: call::positive(self.timeout, "timeout")?,
            max_receive_bytes: self.max_receive_bytes,
        })
    }
}

/// A Weir server, as it is called; cheap to clone, and shared by tasks and threads.
///
/// A call that fails with UNAVAILABLE before anything of an answer was given is tried again, three
/// times in all. Dropping a call's future or stream cancels it at once.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
    timeout: Duration,
    max_receive_bytes: usize,
}

/// The stub of a service, as this client would have it.
macro_rules! stub {
    ($client:expr, $stub:ident, $transport:expr) => {
        $stub::new($transport)
            .max_decoding_message_size($client.max_receive_bytes)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    };
}

impl Client {
    /// A client with all defaults.
    ///
    /// address: "host:port", "<https://host:port>", "<http://host:port>" or "unix:/path". TLS is on
    /// unless the address is on this machine or begins with "http://".
    ///
    /// # Errors
    /// `Misuse` for an address of another form.
    pub fn new(address: impl Into<String>) -> Result<Self, Error> {
        Self::builder(address).build()
    }

    /// A client with a key, certificates or deadlines of your own; the address as in `new`.
    pub fn builder(address: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            address: address.into(),
            api_key: None,
            tls: Tls::default(),
            timeout: TIMEOUT,
            stream_timeout: STREAM_TIMEOUT,
            max_receive_bytes: MAX_MESSAGE_BYTES,
        }
    }

    /// The same client for calls with these options; it shares the connections.
    ///
    /// # Errors
    /// `Misuse` for an option that breaks its rule.
    pub fn with(&self, options: &CallOptions) -> Result<Self, Error> {
        let mut client = self.clone();
        client.transport = client.transport.with_headers(options.headers()?);
        if let Some(timeout) = options.checked_timeout()? {
            client.transport = client.transport.with_timeout(timeout);
            client.timeout = timeout;
        }
        Ok(client)
    }

    fn unary(&self) -> Transport {
        self.transport.with_timeout(self.timeout)
    }

    // --- Answers ---------------------------------------------------------------------------------

    /// Answer a conversation; a lone text is one message of the user.
    ///
    /// # Errors
    /// Whatever went wrong.
    pub async fn chat(&self, request: impl Into<ChatRequest>) -> Result<ChatResponse, Error> {
        let mut stub = stub!(self, LlmProviderServiceClient, self.unary());
        Ok(stub.chat(request.into()).await?.into_inner())
    }

    /// Answer a conversation as the answer is written; a lone text is one message of the user. It
    /// waits for the answer to begin.
    ///
    /// request: a text, messages, a `ChatRequest`, or a `StreamChatRequest` for options of the
    /// stream.
    ///
    /// # Errors
    /// Whatever went wrong before the answer began.
    pub async fn stream_chat(
        &self,
        request: impl Into<StreamChatRequest>,
    ) -> Result<ChatStream, Error> {
        let stream = self.providers().stream_chat(request.into()).await?;
        Ok(AnswerStream::new(stream))
    }

    /// Go on from a text.
    ///
    /// # Errors
    /// Whatever went wrong.
    pub async fn complete(
        &self,
        request: impl Into<CompleteRequest>,
    ) -> Result<CompleteResponse, Error> {
        let mut stub = stub!(self, LlmProviderServiceClient, self.unary());
        Ok(stub.complete(request.into()).await?.into_inner())
    }

    /// Go on from a text as it is written; see `stream_chat`.
    ///
    /// # Errors
    /// Whatever went wrong before the answer began.
    pub async fn stream_complete(
        &self,
        request: impl Into<StreamCompleteRequest>,
    ) -> Result<CompleteStream, Error> {
        let stream = self.providers().stream_complete(request.into()).await?;
        Ok(AnswerStream::new(stream))
    }

    /// Turn texts or media into vectors, in order.
    ///
    /// # Errors
    /// Whatever went wrong.
    pub async fn embed(&self, request: impl Into<EmbedRequest>) -> Result<EmbedResponse, Error> {
        let mut stub = stub!(self, EmbeddingServiceClient, self.unary());
        Ok(stub.embed(request.into()).await?.into_inner())
    }

    /// Count the tokens of a text alone, or of a whole chat with its options' tools.
    ///
    /// # Errors
    /// Whatever went wrong.
    pub async fn count_tokens(
        &self,
        request: impl Into<CountTokensRequest>,
    ) -> Result<CountTokensResponse, Error> {
        let mut stub = stub!(self, LlmProviderServiceClient, self.unary());
        Ok(stub.count_tokens(request.into()).await?.into_inner())
    }

    /// How the server is (""), or one of its services such as "weir.v1.LLMProviderService".
    ///
    /// # Errors
    /// `NotFound` for a service that it does not know.
    pub async fn health(&self, service: &str) -> Result<HealthStatus, Error> {
        health::check(self.unary(), service).await
    }

    // --- Everything else -------------------------------------------------------------------------
    //
    // The stubs carry the client's key and options, its retries and limits. `Error::from` reads the
    // `tonic::Status` that their calls fail with.

    /// The stub of answers, tokens, and providers registered at run time.
    #[must_use]
    pub fn providers(&self) -> LlmProviderServiceClient<Transport> {
        stub!(self, LlmProviderServiceClient, self.transport.clone())
    }

    /// The stub of models, and of what the server can do.
    #[must_use]
    pub fn models(&self) -> ModelServiceClient<Transport> {
        stub!(self, ModelServiceClient, self.transport.clone())
    }

    /// The stub of embeddings.
    #[must_use]
    pub fn embeddings(&self) -> EmbeddingServiceClient<Transport> {
        stub!(self, EmbeddingServiceClient, self.transport.clone())
    }

    /// The stub of what one's own calls used.
    #[must_use]
    pub fn usage(&self) -> UsageServiceClient<Transport> {
        stub!(self, UsageServiceClient, self.transport.clone())
    }

    /// For operators: the stub of targets, circuits and routes.
    #[must_use]
    pub fn admin(&self) -> ProviderAdminServiceClient<Transport> {
        stub!(self, ProviderAdminServiceClient, self.transport.clone())
    }

    /// For operators: the stub of keys.
    #[must_use]
    pub fn keys(&self) -> KeyAdminServiceClient<Transport> {
        stub!(self, KeyAdminServiceClient, self.transport.clone())
    }

    /// For operators: the stub of sums, single calls, and budgets.
    #[must_use]
    pub fn usage_admin(&self) -> UsageAdminServiceClient<Transport> {
        stub!(self, UsageAdminServiceClient, self.transport.clone())
    }
}

impl std::fmt::Debug for ClientBuilder {
    /// Without the key.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ClientBuilder")
            .field("address", &self.address)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}
