package weir

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	weirv1 "weir.example/go/weir/v1"
)

type frames = grpc.ServerStreamingServer[weirv1.StreamChatResponse]

// streaming serves an answer to StreamChat.
func streaming(t *testing.T, answer func(frames) error, opts ...Option) (*Client, *grpc.Server) {
	t.Helper()
	return serve(t, &script{
		stream: func(_ *weirv1.StreamChatRequest, frames frames) error { return answer(frames) },
	}, opts...)
}

// silent serves the beginning of an answer and then nothing; gone is closed when the caller left.
func silent(t *testing.T, opts ...Option) (client *Client, gone chan struct{}) {
	t.Helper()
	gone = make(chan struct{})
	client, _ = streaming(t, func(frames frames) error {
		defer close(gone)
		if err := says(frames, begin(), opened(0, Text("")), text(0, "Hel")); err != nil {
			return err
		}
		<-frames.Context().Done()
		return frames.Context().Err()
	}, opts...)
	return client, gone
}

// The text comes piece by piece; then the whole answer, the identity and the usage are there.
func TestStream(t *testing.T) {
	client, _ := streaming(t, func(frames frames) error { return says(frames, hello()...) })

	stream := client.StreamChat(t.Context(), Ask("Hello"))
	var pieces []string
	for text, err := range stream.Text() {
		if err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, text)
	}
	if got := strings.Join(pieces, "|"); got != "Hel|lo" {
		t.Errorf("the text came as %s", got)
	}
	answer, err := stream.Response()
	if err != nil {
		t.Fatal(err)
	}
	same(t, answer.GetMessage(), Assistant("Hello"))
	same(t, stream.Usage(), usageOf(7))
	if stream.ResponseID() != "resp_1" {
		t.Errorf("the answer is %q", stream.ResponseID())
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end comes %v", err)
	}
}

// The server sees the request, its options, the client's name, the key and the caller's facts.
func TestStreamSendsWhatWasAsked(t *testing.T) {
	var seen *weirv1.StreamChatRequest
	var sent metadata.MD
	var left time.Duration
	client, _ := serve(t, &script{stream: func(request *weirv1.StreamChatRequest, frames frames) error {
		seen = request
		sent, _ = metadata.FromIncomingContext(frames.Context())
		deadline, _ := frames.Context().Deadline()
		left = time.Until(deadline)
		return says(frames, hello()...)
	}}, WithAPIKey("weir_1"))

	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-1")
	_, err := client.StreamChat(ctx, Ask("Hello"),
		WithStreamOptions(&weirv1.StreamOptions{UsageUpdates: true}),
		RequestID("r-1"), IdempotencyKey("k-1"), Priority("background"),
	).Response()
	if err != nil {
		t.Fatal(err)
	}
	same(t, seen, &weirv1.StreamChatRequest{
		Request: Ask("Hello"), StreamOptions: &weirv1.StreamOptions{UsageUpdates: true}})
	for name, value := range map[string]string{
		"authorization":        "Bearer weir_1",
		"weir-client":          "weir-client-go/" + Version,
		"weir-request-id":      "r-1",
		"weir-idempotency-key": "k-1",
		"weir-priority":        "background",
		"traceparent":          "00-1",
	} {
		if got := sent.Get(name); len(got) != 1 || got[0] != value {
			t.Errorf("%s is %q, not %q", name, got, value)
		}
	}
	if agent := first(sent, "user-agent"); !strings.HasPrefix(agent, "weir-client-go/"+Version) {
		t.Errorf("the user agent is %q", agent)
	}
	if left < 295*time.Second || left > 300*time.Second {
		t.Errorf("the call has %v left, not 300 s", left)
	}
}

// Whatever ends the reading ends the call on the server at once.
func TestStreamIsCancelled(t *testing.T) {
	for name, leave := range map[string]func(*ChatStream, *Client, context.CancelFunc){
		"by leaving a loop": func(stream *ChatStream, _ *Client, _ context.CancelFunc) {
			for range stream.Text() {
				break
			}
		},
		"by Close":       func(stream *ChatStream, _ *Client, _ context.CancelFunc) { _ = stream.Close() },
		"by its context": func(_ *ChatStream, _ *Client, cancel context.CancelFunc) { cancel() },
		"by the client":  func(_ *ChatStream, client *Client, _ context.CancelFunc) { _ = client.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			client, gone := silent(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stream := client.StreamChat(ctx, Ask("Hello"))
			if event, err := stream.Recv(); err != nil || event.GetStart() == nil {
				t.Fatalf("got %v, %v", event, err)
			}

			leave(stream, client, cancel)

			within(t, gone, "the end of the call")
			_, err := stream.Response()
			if !errors.Is(err, ErrCancelled) || !errors.Is(err, context.Canceled) {
				t.Errorf("reading on gives %v", err)
			}
			var told *Error
			if errors.As(err, &told) && told.ResponseID != "resp_1" {
				t.Errorf("the error is of %q", told.ResponseID)
			}
		})
	}
}

// A stream that nothing holds any longer ends its call.
func TestStreamIsDropped(t *testing.T) {
	client, gone := silent(t)
	if _, err := client.StreamChat(t.Context(), Ask("Hello")).Recv(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		runtime.GC()
		select {
		case <-gone:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("the call went on after its stream was collected")
}

// A stream that another goroutine closes stops a reader that waits.
func TestStreamIsClosedWhileItIsRead(t *testing.T) {
	client, _ := silent(t)
	stream := client.StreamChat(t.Context(), Ask("Hello"))
	var err error
	for _, err = range stream.Text() {
		if err == nil {
			go func() { _ = stream.Close() }()
		}
	}
	if !errors.Is(err, ErrCancelled) {
		t.Errorf("the loop ended with %v", err)
	}
}

// Leaving the loop at the end itself loses nothing of the answer.
func TestStreamIsLeftAtItsEnd(t *testing.T) {
	client, _ := streaming(t, func(frames frames) error { return says(frames, hello()...) })
	stream := client.StreamChat(t.Context(), Ask("Hello"))
	for event, err := range stream.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if event.GetEnd() != nil {
			break
		}
	}
	answer, err := stream.Response()
	if err != nil {
		t.Fatal(err)
	}
	same(t, answer.GetMessage(), Assistant("Hello"))
}

// A stream that ends without a good end never looks complete.
func TestStreamThatFails(t *testing.T) {
	cut := &weirv1.Error{
		Code: 10, Reason: weirv1.ErrorReason_ERROR_REASON_UPSTREAM_STREAM_BROKEN, Message: "cut"}
	begun := func() []*weirv1.GenerationEvent {
		return []*weirv1.GenerationEvent{begin(), opened(0, Text("")), text(0, "Hel")}
	}
	for name, c := range map[string]struct {
		events []*weirv1.GenerationEvent
		status error
		is     error
		reason string
	}{
		"before its start": {nil, reasoned(codes.NotFound, "MODEL_NOT_FOUND"), ErrNotFound,
			"MODEL_NOT_FOUND"},
		"OK without an end": {begun(), nil, ErrStreamBroken, ""},
		"a cut connection": {begun(), status.Error(codes.Unavailable, "reset"), ErrStreamBroken,
			""},
		"a server that shuts down": {begun(), reasoned(codes.Unavailable, "GATEWAY_DRAINING"),
			ErrStreamBroken, "GATEWAY_DRAINING"},
		"a bad end and its status": {append(begun(), ending(cut)),
			reasoned(codes.Aborted, "UPSTREAM_STREAM_BROKEN"), ErrStreamBroken,
			"UPSTREAM_STREAM_BROKEN"},
		"a bad end and a lost status": {append(begun(), ending(cut)),
			status.Error(codes.Unavailable, "reset"), ErrStreamBroken, "UPSTREAM_STREAM_BROKEN"},
		"a broken contract": {[]*weirv1.GenerationEvent{heartbeat()}, nil, ErrProtocol, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := streaming(t, func(frames frames) error {
				return cmp.Or(says(frames, c.events...), c.status)
			})
			stream := client.StreamChat(t.Context(), Ask("Hello"))
			var last error
			count := 0
			for _, err := range stream.Text() {
				if err != nil {
					last = err
					count++
				}
			}
			var told *Error
			if !errors.Is(last, c.is) || !errors.As(last, &told) || told.Reason != c.reason ||
				count != 1 {
				t.Errorf("%d errors, the last %v", count, last)
			}
			if _, err := stream.Response(); !errors.Is(err, c.is) {
				t.Errorf("a second look gives %v", err)
			}
		})
	}
}

// A connection that is lost after a good end takes nothing from the answer.
func TestStreamWhoseStatusIsLost(t *testing.T) {
	client, _ := streaming(t, func(frames frames) error {
		return cmp.Or(says(frames, hello()...), status.Error(codes.Unavailable, "reset"))
	})
	answer, err := client.StreamChat(t.Context(), Ask("Hello")).Response()
	if err != nil {
		t.Fatal(err)
	}
	same(t, answer.GetMessage(), Assistant("Hello"))
}

// A connection that is really cut after the first text is a broken stream.
func TestStreamWhoseServerDies(t *testing.T) {
	var server *grpc.Server
	stopping := make(chan struct{})
	client, server := streaming(t, func(frames frames) error {
		err := says(frames, begin(), opened(0, Text("")), text(0, "Hel"))
		<-stopping
		<-frames.Context().Done()
		return err
	})
	stream := client.StreamChat(t.Context(), Ask("Hello"))
	var last error
	for _, err := range stream.Text() {
		if last = err; err == nil {
			close(stopping)
			go server.Stop()
		}
	}
	if !errors.Is(last, ErrStreamBroken) {
		t.Errorf("the loop ended with %v", last)
	}
}

// Time that runs out ends the call on both sides.
func TestStreamOutOfTime(t *testing.T) {
	client, gone := silent(t, WithStreamTimeout(100*time.Millisecond))
	_, err := client.StreamChat(t.Context(), Ask("Hello")).Response()
	if !errors.Is(err, ErrDeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	within(t, gone, "the end of the call")
}

// A call is repeated while nothing of an answer was given, and never after.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		after, calls int
	}{{0, 3}, {2, 1}} {
		t.Run(fmt.Sprintf("after %d events", c.after), func(t *testing.T) {
			calls := 0
			client, _ := streaming(t, func(frames frames) error {
				calls++
				events := hello()[:c.after]
				return cmp.Or(says(frames, events...), status.Error(codes.Unavailable, "busy"))
			})
			_, err := client.StreamChat(t.Context(), Ask("Hello")).Response()
			var told *Error
			if !errors.As(err, &told) || told.Message != "busy" || calls != c.calls {
				t.Errorf("%d calls, then %v", calls, err)
			}
		})
	}
}
