//! How is a stream read? Event by event, or its text alone; dropping it ends the call.

use std::{
    collections::HashSet,
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    vec,
};

use futures_core::Stream;
use tonic::{Streaming, metadata::MetadataMap};

use crate::{
    Error, Fold,
    v1::{
        ChatResponse, CompleteResponse, GenerationEvent, StreamChatResponse,
        StreamCompleteResponse, TokenUsage, generation_event::Event, part::Kind, part_delta::Delta,
    },
};

mod sealed {
    use super::{Error, Fold, GenerationEvent};

    pub trait Fitting: Sized {
        type Message: Send + 'static;
        fn events(message: Self::Message) -> Vec<GenerationEvent>;
        fn message(events: Vec<GenerationEvent>) -> Self::Message;
        fn folded(fold: Fold) -> Result<Self, Error>;
    }
}

/// What a stream adds up to: a `ChatResponse` or a `CompleteResponse`.
pub trait Answer: sealed::Fitting {}

impl Answer for ChatResponse {}
impl Answer for CompleteResponse {}

impl sealed::Fitting for ChatResponse {
    type Message = StreamChatResponse;

    fn events(message: StreamChatResponse) -> Vec<GenerationEvent> {
        message.events
    }

    fn message(events: Vec<GenerationEvent>) -> StreamChatResponse {
        StreamChatResponse { events }
    }

    fn folded(fold: Fold) -> Result<Self, Error> {
        fold.into_chat()
    }
}

impl sealed::Fitting for CompleteResponse {
    type Message = StreamCompleteResponse;

    fn events(message: StreamCompleteResponse) -> Vec<GenerationEvent> {
        message.events
    }

    fn message(events: Vec<GenerationEvent>) -> StreamCompleteResponse {
        StreamCompleteResponse { events }
    }

    fn folded(fold: Fold) -> Result<Self, Error> {
        fold.into_completion()
    }
}

/// The answer of a chat as it is written.
pub type ChatStream = AnswerStream<ChatResponse>;
/// The answer of a completion as it is written.
pub type CompleteStream = AnswerStream<CompleteResponse>;

/// The events of one answer, as they come.
///
/// Read every event (`next_event`, or as a `Stream`), or the text alone (`next_text`, or `text`).
/// Events are read once: each way of reading goes on from where the one before stopped.
///
/// Dropping the stream cancels the call at once, and so the model's work. Reading ends without an
/// error only after a good `end`; an answer that began and does not end is `StreamBroken`.
pub struct AnswerStream<A: Answer> {
    /// None: the call is over.
    messages: Option<Streaming<A::Message>>,
    headers: MetadataMap,
    batch: vec::IntoIter<GenerationEvent>,
    fold: Fold,
    text_parts: HashSet<i32>,
    failure: Option<Error>,
    is_told: bool,
    started: bool,
    response_id: String,
    usage: Option<TokenUsage>,
}

impl<A: Answer> AnswerStream<A> {
    pub(crate) fn new(response: tonic::Response<Streaming<A::Message>>) -> Self {
        let (headers, messages, _) = response.into_parts();
        Self {
            messages: Some(messages),
            headers,
            batch: Vec::new().into_iter(),
            fold: Fold::new(),
            text_parts: HashSet::new(),
            failure: None,
            is_told: false,
            started: false,
            response_id: String::new(),
            usage: None,
        }
    }

    /// The next event; none after a good `end`.
    ///
    /// # Errors
    /// What went wrong, and the same again when asked again.
    pub async fn next_event(&mut self) -> Result<Option<GenerationEvent>, Error> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// The next piece of the answer's text, without reasoning or refusals; none after a good `end`.
    ///
    /// # Errors
    /// As `next_event`.
    pub async fn next_text(&mut self) -> Result<Option<String>, Error> {
        poll_fn(|context| self.poll_text(context)).await
    }

    /// The next events that came together, as the contract's message; none after a good `end`. It is
    /// given as it came: where it breaks the contract, the next read says so.
    ///
    /// # Errors
    /// As `next_event`.
    pub async fn next_message(&mut self) -> Result<Option<A::Message>, Error> {
        if !poll_fn(|context| self.poll_batch(context)).await? {
            return Ok(None);
        }
        let events: Vec<GenerationEvent> = std::mem::take(&mut self.batch).collect();
        for event in &events {
            if self.take(event).is_err() {
                break; // it is kept as the failure
            }
        }
        Ok(Some(A::message(events)))
    }

    /// The text of the answer as a `Stream` of pieces.
    pub fn text(&mut self) -> TextStream<'_, A> {
        TextStream(self)
    }

    /// Read the rest and give the whole answer, the same that the call without a stream gives.
    ///
    /// # Errors
    /// As `next_event`.
    pub async fn response(mut self) -> Result<A, Error> {
        while self.next_event().await?.is_some() {}
        A::folded(self.fold)
    }

    /// Weir's identity of the answer; "" before the stream has said it.
    #[must_use]
    pub fn response_id(&self) -> &str {
        &self.response_id
    }

    /// What was used, as far as the stream has said; final once it ended.
    #[must_use]
    pub fn usage(&self) -> Option<&TokenUsage> {
        self.usage.as_ref()
    }

    /// The metadata that the server sent before the first event.
    #[must_use]
    pub fn headers(&self) -> &MetadataMap {
        &self.headers
    }

    /// Wait until there are events; false after a good `end`.
    fn poll_batch(&mut self, context: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        while self.batch.as_slice().is_empty() {
            let Some(messages) = &mut self.messages else {
                return Poll::Ready(self.verdict().map(|()| false));
            };
            match ready!(Pin::new(messages).poll_next(context)) {
                Some(Ok(message)) => {
                    self.started = true;
                    self.batch = A::events(message).into_iter();
                }
                Some(Err(status)) => self.fail(&status),
                None => self.messages = None,
            }
        }
        Poll::Ready(Ok(true))
    }

    fn poll_event(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<GenerationEvent>, Error>> {
        ready!(self.poll_batch(context))?;
        let event = self.batch.next();
        if let Some(event) = &event {
            self.take(event)?;
        }
        Poll::Ready(Ok(event))
    }

    fn poll_text(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<String>, Error>> {
        loop {
            let Some(event) = ready!(self.poll_event(context))? else {
                return Poll::Ready(Ok(None));
            };
            if let Some(Event::PartDelta(delta)) = event.event
                && let Some(Delta::Text(text)) = delta.delta
                && self.text_parts.contains(&delta.index)
                && !text.is_empty()
            {
                return Poll::Ready(Ok(Some(text)));
            }
        }
    }

    /// Note an event; one that cannot follow what came before ends the call.
    fn take(&mut self, event: &GenerationEvent) -> Result<(), Error> {
        if let Err(error) = self.fold.add(event) {
            return Err(self.finish(error));
        }
        match &event.event {
            Some(Event::PartStart(start)) => {
                let kind = start.part.as_ref().and_then(|part| part.kind.as_ref());
                if matches!(kind, Some(Kind::Text(_))) {
                    self.text_parts.insert(start.index);
                }
            }
            Some(Event::Start(start)) => self.response_id.clone_from(&start.response_id),
            Some(Event::UsageUpdate(update)) => self.usage.clone_from(&update.usage),
            Some(Event::End(end)) => {
                if let Some(metadata) = &end.metadata
                    && !metadata.response_id.is_empty()
                {
                    self.response_id.clone_from(&metadata.response_id);
                }
                if end.usage.is_some() {
                    self.usage.clone_from(&end.usage);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Note a failed status. A connection that fails between a good end and its status takes nothing
    /// from the answer.
    fn fail(&mut self, status: &tonic::Status) {
        self.messages = None;
        let error = Error::of_status(status, self.started, self.fold.answered());
        if self.fold.end().is_none() || !error.reason().is_empty() {
            self.finish(error);
        }
    }

    /// What went wrong, unless the stream had a good end.
    fn verdict(&mut self) -> Result<(), Error> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        match self.fold.successful_end() {
            Ok(_) => Ok(()),
            Err(error) => Err(self.finish(error)),
        }
    }

    /// Keep an error, with what the stream said, and end the call.
    fn finish(&mut self, error: Error) -> Error {
        let error = error.completed(&self.response_id, self.usage.as_ref(), self.fold.end());
        self.messages = None;
        self.batch = Vec::new().into_iter();
        self.failure = Some(error.clone());
        error
    }

    /// A `Stream` ends after its error.
    fn poll_once<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Poll<Result<Option<T>, Error>>,
    ) -> Poll<Option<Result<T, Error>>> {
        if self.is_told {
            return Poll::Ready(None);
        }
        let result = ready!(read(self));
        self.is_told = !matches!(result, Ok(Some(_)));
        Poll::Ready(result.transpose())
    }
}

impl<A: Answer> Unpin for AnswerStream<A> {}

impl<A: Answer> Stream for AnswerStream<A> {
    type Item = Result<GenerationEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_once(|stream| stream.poll_event(context))
    }
}

/// The text of an answer as it is written; see [`AnswerStream::text`].
#[derive(Debug)]
pub struct TextStream<'a, A: Answer>(&'a mut AnswerStream<A>);

impl<A: Answer> Stream for TextStream<'_, A> {
    type Item = Result<String, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_once(|stream| stream.poll_text(context))
    }
}

impl<A: Answer> fmt::Debug for AnswerStream<A> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AnswerStream")
            .field("response_id", &self.response_id)
            .field("is_over", &self.messages.is_none())
            .finish_non_exhaustive()
    }
}
