//! Who answers the client in these tests? A real gRPC server on loopback that plays scripts.
//!
//! A test queues one script per attempt; the server plays it and notes what it saw: the message, the
//! metadata, and when the caller hung up.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{net::TcpListener, sync::Notify, task::JoinHandle, time::timeout};
use tokio_stream::{Stream, wrappers::TcpListenerStream};
use tonic::{
    Request, Response, Status,
    metadata::MetadataMap,
    transport::{Server, ServerTlsConfig},
};
use weir_client::{
    Client,
    v1::{
        ChatRequest, ChatResponse, GenerationEvent, StreamChatRequest, StreamChatResponse,
        llm_provider_service_server::{LlmProviderService, LlmProviderServiceServer},
    },
};

/// What the server does next.
#[derive(Clone)]
pub enum Step {
    /// Send events together.
    Frame(Vec<GenerationEvent>),
    /// End the call with a status.
    Fail(Status),
    /// Say nothing for a while.
    Pause(Duration),
    /// Answer a call that is no stream.
    Answer(Box<ChatResponse>),
}

pub const FOREVER: Step = Step::Pause(Duration::from_secs(3600));

/// What the server saw of one attempt of a call.
#[derive(Clone, Default)]
pub struct Seen {
    pub request: ChatRequest,
    pub metadata: MetadataMap,
    pub over: Arc<Notify>,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        let value = self.metadata.get(name).expect(name);
        value.to_str().expect("text")
    }

    /// Wait until the caller hung up, which must be within a second.
    pub async fn hung_up(&self) {
        let over = timeout(Duration::from_secs(1), self.over.notified());
        over.await.expect("the server never saw the call end");
    }
}

#[derive(Default)]
struct Play {
    scripts: Mutex<VecDeque<Vec<Step>>>,
    seen: Mutex<Vec<Seen>>,
    called: Notify,
}

/// A server that listens until it is dropped.
pub struct Scripted {
    pub address: String,
    play: Arc<Play>,
    serving: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Scripted {
    pub async fn new() -> Self {
        Self::at("127.0.0.1:0", None).await
    }

    pub async fn at(address: &str, tls: Option<ServerTlsConfig>) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let play = Arc::<Play>::default();
        let mut server = Server::builder();
        if let Some(tls) = tls {
            server = server.tls_config(tls).expect("certificates");
        }
        let service = LlmProviderServiceServer::new(Provider(play.clone()))
            .max_decoding_message_size(64 * 1024 * 1024);
        let serving = server
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener));
        Self {
            address,
            play,
            serving: tokio::spawn(async { serving.await.expect("serving") }),
        }
    }

    pub fn client(&self) -> Client {
        Client::new(self.address.clone()).expect("an address")
    }

    /// Queue a script for the next attempt that has none.
    pub fn play(&self, script: impl Into<Vec<Step>>) {
        let mut scripts = self.play.scripts.lock().expect("no panic");
        scripts.push_back(script.into());
    }

    /// What was seen of each attempt.
    pub fn seen(&self) -> Vec<Seen> {
        self.play.seen.lock().expect("no panic").clone()
    }

    /// The first attempt, as soon as it is there.
    pub async fn first_call(&self) -> Seen {
        let called = timeout(Duration::from_secs(5), self.play.called.notified());
        called.await.expect("nobody called");
        self.seen()[0].clone()
    }
}

/// An answer of a lone text.
pub fn answer(text: &str) -> Step {
    let message = weir_client::v1::Message::assistant(text);
    Step::Answer(Box::new(ChatResponse {
        message: Some(message),
        ..ChatResponse::default()
    }))
}

struct Provider(Arc<Play>);

impl Provider {
    fn begin(&self, request: ChatRequest, metadata: MetadataMap) -> (Vec<Step>, HangUp) {
        let seen = Seen {
            request,
            metadata,
            over: Arc::default(),
        };
        let hang_up = HangUp(seen.over.clone());
        self.0.seen.lock().expect("no panic").push(seen);
        self.0.called.notify_one();
        let script = self.0.scripts.lock().expect("no panic").pop_front();
        (script.expect("an attempt without a script"), hang_up)
    }
}

/// Tells when the call is over.
struct HangUp(Arc<Notify>);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

type Frames = Pin<Box<dyn Stream<Item = Result<StreamChatResponse, Status>> + Send>>;

#[tonic::async_trait]
impl LlmProviderService for Provider {
    async fn chat(&self, request: Request<ChatRequest>) -> Result<Response<ChatResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let (script, _hang_up) = self.begin(message, metadata);
        for step in script {
            match step {
                Step::Pause(time) => tokio::time::sleep(time).await,
                Step::Fail(status) => return Err(status),
                Step::Answer(answer) => return Ok(Response::new(*answer)),
                Step::Frame(_) => panic!("a call that is no stream has no frames"),
            }
        }
        panic!("a script without an answer");
    }

    async fn stream_chat(
        &self,
        request: Request<StreamChatRequest>,
    ) -> Result<Response<Frames>, Status> {
        let (metadata, _, message) = request.into_parts();
        let (script, hang_up) = self.begin(message.request.unwrap_or_default(), metadata);
        let mut steps = VecDeque::from(script);
        // Nothing is sent before the first frame, not even headers, as Weir does it.
        loop {
            match steps.front() {
                Some(Step::Pause(time)) => tokio::time::sleep(*time).await,
                Some(Step::Fail(status)) => return Err(status.clone()),
                _ => break,
            }
            steps.pop_front();
        }
        Ok(Response::new(Box::pin(Playing {
            steps,
            pause: None,
            _hang_up: hang_up,
        })))
    }
}

struct Playing {
    steps: VecDeque<Step>,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
    _hang_up: HangUp,
}

impl Stream for Playing {
    type Item = Result<StreamChatResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(pause) = &mut self.pause {
                std::task::ready!(pause.as_mut().poll(context));
                self.pause = None;
            }
            match self.steps.pop_front() {
                Some(Step::Frame(events)) => {
                    return Poll::Ready(Some(Ok(StreamChatResponse { events })));
                }
                Some(Step::Fail(status)) => return Poll::Ready(Some(Err(status))),
                Some(Step::Pause(time)) => self.pause = Some(Box::pin(tokio::time::sleep(time))),
                Some(Step::Answer(_)) => panic!("a stream has no answer but its frames"),
                None => return Poll::Ready(None),
            }
        }
    }
}
