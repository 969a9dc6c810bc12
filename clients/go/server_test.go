package weir

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	weirv1 "weir.example/go/weir/v1"
)

// script is a real server on loopback that answers as a test says.
type script struct {
	weirv1.UnimplementedLLMProviderServiceServer
	chat   func(context.Context, *weirv1.ChatRequest) (*weirv1.ChatResponse, error)
	stream func(*weirv1.StreamChatRequest, grpc.ServerStreamingServer[weirv1.StreamChatResponse]) error
}

func (s *script) Chat(
	ctx context.Context, request *weirv1.ChatRequest,
) (*weirv1.ChatResponse, error) {
	return s.chat(ctx, request)
}

func (s *script) StreamChat(
	request *weirv1.StreamChatRequest,
	frames grpc.ServerStreamingServer[weirv1.StreamChatResponse],
) error {
	return s.stream(request, frames)
}

// serve starts a script and gives a client of it; both end with the test.
func serve(t *testing.T, script *script, opts ...Option) (*Client, *grpc.Server) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	weirv1.RegisterLLMProviderServiceServer(server, script)
	go func() { _ = server.Serve(listener) }() // it ends with Stop
	t.Cleanup(server.Stop)
	client, err := NewClient(listener.Addr().String(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client, server
}

// says streams events, numbered, one message each.
func says(
	frames grpc.ServerStreamingServer[weirv1.StreamChatResponse], events ...*weirv1.GenerationEvent,
) error {
	for _, event := range numbered(events...) {
		batch := &weirv1.StreamChatResponse{Events: []*weirv1.GenerationEvent{event}}
		if err := frames.Send(batch); err != nil {
			return err
		}
	}
	return nil
}

func numbered(events ...*weirv1.GenerationEvent) []*weirv1.GenerationEvent {
	for index, event := range events {
		event.Sequence = int64(index)
	}
	return events
}

// within fails the test unless a moment comes soon.
func within(t *testing.T, moment <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-moment:
	case <-time.After(2 * time.Second):
		t.Fatalf("%s did not come within 2 s", what)
	}
}

func same(t *testing.T, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// --- Events of an answer ------------------------------------------------------------------------

func usageOf(tokens int64) *weirv1.TokenUsage { return &weirv1.TokenUsage{TotalTokens: tokens} }

func begin() *weirv1.GenerationEvent {
	return &weirv1.GenerationEvent{Event: &weirv1.GenerationEvent_Start{
		Start: &weirv1.StreamStart{ResponseId: "resp_1"}}}
}

func opened(index int32, part *weirv1.Part) *weirv1.GenerationEvent {
	return &weirv1.GenerationEvent{Event: &weirv1.GenerationEvent_PartStart{
		PartStart: &weirv1.PartStart{Index: index, Part: part}}}
}

func adds(delta *weirv1.PartDelta) *weirv1.GenerationEvent {
	return &weirv1.GenerationEvent{Event: &weirv1.GenerationEvent_PartDelta{PartDelta: delta}}
}

func text(index int32, text string) *weirv1.GenerationEvent {
	return adds(&weirv1.PartDelta{Index: index, Delta: &weirv1.PartDelta_Text{Text: text}})
}

func arguments(index int32, json string) *weirv1.GenerationEvent {
	return adds(&weirv1.PartDelta{
		Index: index, Delta: &weirv1.PartDelta_ArgumentsJson{ArgumentsJson: json}})
}

func bytes(index int32, data ...byte) *weirv1.GenerationEvent {
	return adds(&weirv1.PartDelta{
		Index: index, Delta: &weirv1.PartDelta_InlineData{InlineData: data}})
}

func closed(index int32, part *weirv1.Part) *weirv1.GenerationEvent {
	return &weirv1.GenerationEvent{Event: &weirv1.GenerationEvent_PartEnd{
		PartEnd: &weirv1.PartEnd{Index: index, Part: part}}}
}

func heartbeat() *weirv1.GenerationEvent {
	return &weirv1.GenerationEvent{Event: &weirv1.GenerationEvent_Heartbeat{
		Heartbeat: &weirv1.Heartbeat{}}}
}

func ending(failure *weirv1.Error) *weirv1.GenerationEvent {
	end := &weirv1.StreamEnd{
		FinishReason: weirv1.FinishReason_FINISH_REASON_STOP,
		Usage:        usageOf(7),
		Metadata:     &weirv1.ResponseMetadata{ResponseId: "resp_1"},
		Error:        failure,
	}
	return &weirv1.GenerationEvent{Event: &weirv1.GenerationEvent_End{End: end}}
}

func hello() []*weirv1.GenerationEvent {
	return []*weirv1.GenerationEvent{
		begin(), opened(0, Text("")), text(0, "Hel"), text(0, "lo"), closed(0, nil), ending(nil),
	}
}
