package weir

import (
	"context"
	"errors"
	"io"
	"iter"
	"runtime"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	weirv1 "weir.example/go/weir/v1"
)

// ChatStream is the answer of a chat, as it comes.
type ChatStream = Stream[*weirv1.ChatResponse]

// CompleteStream is the answer of a completion, as it comes.
type CompleteStream = Stream[*weirv1.CompleteResponse]

// Stream is the events of one answer, as they come. R is the whole answer's type.
//
//	for text, err := range stream.Text() { … }      // the text alone, or
//	for event, err := range stream.Events() { … }   // every event, or
//	answer, err := stream.Response()                // the whole answer
//
// Events are read once: each way of reading goes on from where the one before stopped. A loop that
// is left early cancels the call at once, and so the model's work; so do Close, cancelling the
// context, and closing the client. A stream that is never read to its end needs one of them; one
// that is dropped is cancelled when its memory is collected.
//
// A loop yields an error once, as its last pair: ErrStreamBroken where an answer that began does
// not end, other kinds by cause. It stops without an error only after a good end. One goroutine
// reads at a time; Close may be called from any.
type Stream[R any] struct {
	read      source
	fold      folding[R]
	cancel    context.CancelFunc
	closed    *atomic.Bool
	batch     []*weirv1.GenerationEvent
	textParts map[int32]bool
	started   bool
	done      bool
	failure   error
	id        string
	usage     *weirv1.TokenUsage
}

// source reads the next events of a call; io.EOF: the status came, and it was OK.
type source func() ([]*weirv1.GenerationEvent, error)

// folding is what gathers a response from events: a ChatFold or a CompleteFold.
type folding[R any] interface {
	Add(*weirv1.GenerationEvent) error
	Response() (R, error)
	answered() bool
	ended() *weirv1.StreamEnd
	successfulEnd() (*weirv1.StreamEnd, error)
}

func newStream[R any](
	ctx context.Context, fold folding[R], open func(context.Context) (source, error),
) *Stream[R] {
	ctx, cancel := context.WithCancel(ctx)
	read, err := open(ctx)
	if err != nil {
		read = func() ([]*weirv1.GenerationEvent, error) { return nil, err }
	}
	stream := &Stream[R]{
		read:      read,
		fold:      fold,
		cancel:    cancel,
		closed:    &atomic.Bool{},
		textParts: map[int32]bool{},
	}
	runtime.AddCleanup(stream, func(cancel context.CancelFunc) { cancel() }, cancel)
	return stream
}

// events reads the messages of a call.
func events[T any, P interface {
	*T
	GetEvents() []*weirv1.GenerationEvent
}](frames grpc.ServerStreamingClient[T]) source {
	return func() ([]*weirv1.GenerationEvent, error) {
		frame, err := frames.Recv()
		if err != nil {
			return nil, err
		}
		return P(frame).GetEvents(), nil
	}
}

// ResponseID is Weir's identity of the answer; empty before the stream began.
func (s *Stream[R]) ResponseID() string { return s.id }

// Usage is what was used, as far as the stream has said; final once it ended, nil before.
func (s *Stream[R]) Usage() *weirv1.TokenUsage { return s.usage }

// Close ends the call now. Reading then gives ErrCancelled, unless the end was read. A second time
// does nothing; the error is always nil.
func (s *Stream[R]) Close() error {
	s.closed.Store(true)
	s.cancel()
	return nil
}

// Events yields every event of the contract, in order.
func (s *Stream[R]) Events() iter.Seq2[*weirv1.GenerationEvent, error] {
	return func(yield func(*weirv1.GenerationEvent, error) bool) {
		for {
			event, err := s.Recv()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(event, err) || err != nil {
				_ = s.Close() // never an error
				return
			}
		}
	}
}

// Text yields the text of the answer, piece by piece, without reasoning or refusals.
func (s *Stream[R]) Text() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for event, err := range s.Events() {
			text := s.textOf(event)
			if (text != "" || err != nil) && !yield(text, err) {
				return
			}
		}
	}
}

// Response reads the rest and gives the whole answer, the same that the unary call gives.
func (s *Stream[R]) Response() (R, error) {
	for _, err := range s.Events() {
		if err != nil {
			var none R
			return none, err
		}
	}
	return s.fold.Response()
}

// Recv reads the next event. It gives io.EOF after a good end.
func (s *Stream[R]) Recv() (*weirv1.GenerationEvent, error) {
	for {
		if s.closed.Load() && !s.done {
			s.finishCancelled()
		}
		if len(s.batch) > 0 {
			event := s.batch[0]
			s.batch = s.batch[1:]
			if err := s.take(event); err != nil {
				return nil, err
			}
			return event, nil
		}
		if s.done {
			return nil, s.checkWhole()
		}
		batch, err := s.read()
		switch {
		case err == nil:
			s.started, s.batch = true, batch
		case errors.Is(err, io.EOF):
			s.finish(nil)
		default:
			s.fail(err)
		}
	}
}

// take notes an event.
func (s *Stream[R]) take(event *weirv1.GenerationEvent) error {
	if err := s.fold.Add(event); err != nil {
		s.finish(s.complete(err))
		return s.failure
	}
	switch event := event.GetEvent().(type) {
	case *weirv1.GenerationEvent_Start:
		s.id = event.Start.GetResponseId()
	case *weirv1.GenerationEvent_PartStart:
		if _, isText := event.PartStart.GetPart().GetKind().(*weirv1.Part_Text); isText {
			s.textParts[event.PartStart.GetIndex()] = true
		}
	case *weirv1.GenerationEvent_UsageUpdate:
		s.usage = event.UsageUpdate.GetUsage()
	case *weirv1.GenerationEvent_End:
		if id := event.End.GetMetadata().GetResponseId(); id != "" {
			s.id = id
		}
		if usage := event.End.GetUsage(); usage != nil {
			s.usage = usage
		}
	}
	return nil
}

func (s *Stream[R]) textOf(event *weirv1.GenerationEvent) string {
	delta := event.GetPartDelta()
	if !s.textParts[delta.GetIndex()] {
		return ""
	}
	return delta.GetText()
}

// fail notes a failed status. A connection that fails between a good end and its status takes
// nothing from the answer.
func (s *Stream[R]) fail(err error) {
	var failure *Error
	switch {
	case s.closed.Load():
		s.finishCancelled()
	case !errors.As(err, &failure):
		s.finish(err)
	case s.fold.ended() != nil && failure.Reason == "":
		s.finish(nil)
	default:
		if s.fold.answered() && failure.Code == codes.Unavailable {
			failure.Kind = ErrStreamBroken
		}
		s.finish(s.complete(failure))
	}
}

// checkWhole gives what went wrong; io.EOF where the stream had a good end.
func (s *Stream[R]) checkWhole() error {
	if s.failure == nil {
		if _, err := s.fold.successfulEnd(); err != nil {
			s.failure = s.complete(err)
		} else {
			s.failure = io.EOF
		}
	}
	return s.failure
}

func (s *Stream[R]) finishCancelled() {
	if s.fold.ended() != nil {
		s.finish(nil)
		return
	}
	s.finish(s.complete(cancelled()))
}

func (s *Stream[R]) finish(failure error) {
	s.done, s.failure, s.batch = true, failure, nil
	s.cancel()
}

// complete adds what the stream said to an error that does not say it itself.
func (s *Stream[R]) complete(err error) error {
	var failure *Error
	if !errors.As(err, &failure) {
		return err
	}
	if failure.ResponseID == "" {
		failure.ResponseID = s.id
	}
	if failure.Usage == nil {
		failure.Usage = s.usage
	}
	if len(failure.Attempts) == 0 {
		failure.Attempts = s.fold.ended().GetMetadata().GetAttempts()
	}
	return failure
}
