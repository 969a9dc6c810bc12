package weir

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	weirv1 "weir.example/go/weir/v1"
)

func foldChat(events ...*weirv1.GenerationEvent) (*weirv1.ChatResponse, error) {
	var fold ChatFold
	for _, event := range events {
		if err := fold.Add(event); err != nil {
			return nil, err
		}
	}
	return fold.Response()
}

func toolCall(call *weirv1.ToolCallPart) *weirv1.Part {
	return &weirv1.Part{Kind: &weirv1.Part_ToolCall{ToolCall: call}}
}

func reasoning(part *weirv1.ReasoningPart) *weirv1.Part {
	return &weirv1.Part{Kind: &weirv1.Part_Reasoning{Reasoning: part}}
}

func media(part *weirv1.MediaPart) *weirv1.Part {
	return &weirv1.Part{Kind: &weirv1.Part_Media{Media: part}}
}

// Deltas join to the text; usage, metadata and finish reason come from the end.
func TestFoldOfAText(t *testing.T) {
	answer, err := foldChat(numbered(hello()...)...)
	if err != nil {
		t.Fatal(err)
	}
	same(t, answer, &weirv1.ChatResponse{
		Message:      Assistant("Hello"),
		FinishReason: weirv1.FinishReason_FINISH_REASON_STOP,
		Usage:        usageOf(7),
		Metadata:     &weirv1.ResponseMetadata{ResponseId: "resp_1"},
	})
}

// A completion is the text of the text parts alone, with their log probabilities.
func TestFoldOfACompletion(t *testing.T) {
	said := &weirv1.TokenLogprob{Token: "yes", Logprob: -2}
	thought := &weirv1.TokenLogprob{Token: "hm", Logprob: -1}
	var fold CompleteFold
	for _, event := range numbered(
		begin(),
		opened(0, reasoning(&weirv1.ReasoningPart{})),
		opened(1, Text("")),
		adds(&weirv1.PartDelta{Index: 1, Delta: &weirv1.PartDelta_Text{Text: "yes"},
			Logprobs: []*weirv1.TokenLogprob{said}}),
		adds(&weirv1.PartDelta{Index: 0, Delta: &weirv1.PartDelta_Text{Text: "hm"},
			Logprobs: []*weirv1.TokenLogprob{thought}}),
		closed(0, nil), closed(1, nil), ending(nil),
	) {
		if err := fold.Add(event); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := fold.Response()
	if err != nil {
		t.Fatal(err)
	}
	same(t, answer, &weirv1.CompleteResponse{
		Text:         "yes",
		FinishReason: weirv1.FinishReason_FINISH_REASON_STOP,
		Usage:        usageOf(7),
		Metadata:     &weirv1.ResponseMetadata{ResponseId: "resp_1"},
		Logprobs:     []*weirv1.TokenLogprob{said},
	})
}

// A part is its beginning, its joined deltas, and what its end overrides.
func TestFoldOfAPart(t *testing.T) {
	first, second, third := &weirv1.Citation{Uri: "1"}, &weirv1.Citation{Uri: "2"},
		&weirv1.Citation{Uri: "3"}
	newer := &weirv1.Part{ProviderState: []byte("s")}
	newer.ProtoReflect().SetUnknown([]byte("\x5a\x02hi")) // field 11, two bytes
	result := &weirv1.Part{Kind: &weirv1.Part_ToolResult{ToolResult: &weirv1.ToolResultPart{
		ToolCallId: "t", Content: []*weirv1.Part{Text("x")}}}}
	cat := media(&weirv1.MediaPart{MimeType: "image/png", Source: &weirv1.MediaPart_Uri{Uri: "u"}})

	for name, c := range map[string]struct {
		began  *weirv1.Part
		deltas []*weirv1.GenerationEvent
		ended  *weirv1.Part
		whole  *weirv1.Part
	}{
		"an empty text": {Text(""), nil, nil, Text("")},
		"an end that only names the kind": {
			Text(""), []*weirv1.GenerationEvent{text(0, "a")}, Text(""), Text("a")},
		"state at the end": {
			Text(""), []*weirv1.GenerationEvent{text(0, "a")},
			&weirv1.Part{ProviderState: []byte("signed")},
			&weirv1.Part{Kind: &weirv1.Part_Text{Text: "a"}, ProviderState: []byte("signed")}},
		"reasoning": {
			reasoning(&weirv1.ReasoningPart{}),
			[]*weirv1.GenerationEvent{text(0, "a"), text(0, "b")},
			reasoning(&weirv1.ReasoningPart{IsSummary: true}),
			reasoning(&weirv1.ReasoningPart{Text: "ab", IsSummary: true})},
		"a refusal": {
			&weirv1.Part{Kind: &weirv1.Part_Refusal{Refusal: &weirv1.RefusalPart{}}},
			[]*weirv1.GenerationEvent{text(0, "no")}, nil,
			&weirv1.Part{Kind: &weirv1.Part_Refusal{Refusal: &weirv1.RefusalPart{Text: "no"}}}},
		"a tool call by its deltas": {
			toolCall(&weirv1.ToolCallPart{Id: "c"}),
			[]*weirv1.GenerationEvent{arguments(0, `{"a"`), arguments(0, ":1}")}, nil,
			toolCall(&weirv1.ToolCallPart{Id: "c", ArgumentsJson: `{"a":1}`})},
		"a tool call by its end": {
			toolCall(&weirv1.ToolCallPart{Id: "c"}),
			[]*weirv1.GenerationEvent{arguments(0, "{}")},
			toolCall(&weirv1.ToolCallPart{Id: "c", Name: "f", ArgumentsValid: proto.Bool(false)}),
			toolCall(&weirv1.ToolCallPart{Id: "c", Name: "f", ArgumentsJson: "{}",
				ArgumentsValid: proto.Bool(false)})},
		"a sound": {
			media(&weirv1.MediaPart{MimeType: "audio/wav"}),
			[]*weirv1.GenerationEvent{bytes(0, 0x00), bytes(0, 0xff)},
			media(&weirv1.MediaPart{Transcript: "hm"}),
			media(&weirv1.MediaPart{MimeType: "audio/wav", Transcript: "hm",
				Source: &weirv1.MediaPart_InlineData{InlineData: []byte{0x00, 0xff}}})},
		"a picture by its address": {
			media(&weirv1.MediaPart{MimeType: "image/png"}), nil, cat, cat},
		"a part that comes whole, twice": {result, nil, result, result},
		"a part of a newer server":       {newer, []*weirv1.GenerationEvent{text(0, "?")}, nil, newer},
		"every source once": {
			&weirv1.Part{Kind: &weirv1.Part_Text{}, Citations: []*weirv1.Citation{first}},
			[]*weirv1.GenerationEvent{
				adds(&weirv1.PartDelta{Citations: []*weirv1.Citation{second}})},
			&weirv1.Part{Citations: []*weirv1.Citation{first, third}},
			&weirv1.Part{Kind: &weirv1.Part_Text{},
				Citations: []*weirv1.Citation{first, second, third}}},
	} {
		t.Run(name, func(t *testing.T) {
			events := append([]*weirv1.GenerationEvent{begin(), opened(0, c.began)}, c.deltas...)
			events = append(events, heartbeat(), closed(0, c.ended), ending(nil))
			answer, err := foldChat(numbered(events...)...)
			if err != nil {
				t.Fatal(err)
			}
			same(t, answer.GetMessage().GetParts()[0], c.whole)
		})
	}
}

// Parallel calls interleave; each gets its own arguments.
func TestFoldOfInterleavedParts(t *testing.T) {
	answer, err := foldChat(numbered(
		begin(),
		opened(0, toolCall(&weirv1.ToolCallPart{Id: "a"})),
		opened(1, toolCall(&weirv1.ToolCallPart{Id: "b"})),
		arguments(1, "[1"), arguments(0, "[0"), arguments(1, "]"), arguments(0, "]"),
		closed(1, nil), closed(0, nil), ending(nil),
	)...)
	if err != nil {
		t.Fatal(err)
	}
	for index, want := range []string{"[0]", "[1]"} {
		got := answer.GetMessage().GetParts()[index].GetToolCall().GetArgumentsJson()
		if got != want {
			t.Errorf("part %d has the arguments %s, not %s", index, got, want)
		}
	}
}

// An event of a newer server is skipped, but counted.
func TestFoldOfAnEventThatIsNotKnown(t *testing.T) {
	newer := &weirv1.GenerationEvent{}
	newer.ProtoReflect().SetUnknown([]byte("\x52\x00")) // field 10, a message
	events := hello()
	events = append(events[:3:3], append([]*weirv1.GenerationEvent{newer}, events[3:]...)...)

	answer, err := foldChat(numbered(events...)...)
	if err != nil {
		t.Fatal(err)
	}
	same(t, answer.GetMessage(), Assistant("Hello"))
}

// An event may be changed once it was added, and a response is its caller's.
func TestFoldKeepsCopies(t *testing.T) {
	var fold ChatFold
	for _, event := range numbered(hello()...) {
		if err := fold.Add(event); err != nil {
			t.Fatal(err)
		}
		if usage := event.GetEnd().GetUsage(); usage != nil {
			usage.TotalTokens += 99
		}
	}
	before, err := fold.Response()
	if err != nil {
		t.Fatal(err)
	}
	before.GetMessage().Reset()
	after, err := fold.Response()
	if err != nil {
		t.Fatal(err)
	}
	same(t, after.GetMessage(), Assistant("Hello"))
	same(t, after.GetUsage(), usageOf(7))
}

// Events that cannot follow each other are refused, in words.
func TestFoldRefusesWhatBreaksTheContract(t *testing.T) {
	type list = []*weirv1.GenerationEvent
	begun := func(more ...*weirv1.GenerationEvent) list {
		return append(list{begin(), opened(0, Text(""))}, more...)
	}
	call := toolCall(&weirv1.ToolCallPart{Id: "c"})
	for said, events := range map[string]list{
		"heartbeat before the start":                  {heartbeat()},
		"a second start":                              {begin(), begin()},
		"part 1 opened where 0 was due":               {begin(), opened(1, Text(""))},
		"part 0 opened where 1 was due":               begun(opened(0, Text(""))),
		"a delta for part 1, which is not open":       begun(text(1, "a")),
		"a delta for part 0, which is not open":       begun(closed(0, nil), text(0, "a")),
		"part 1 ended, which is not open":             begun(closed(1, nil)),
		"a delta of arguments_json for part 0, a tex": begun(arguments(0, "{}")),
		"part 0 began as text and ended as tool_call": begun(closed(0, call)),
		"part 0 opened without a kind":                {begin(), opened(0, nil)},
		"a successful end while parts [0] are open":   begun(ending(nil)),
		"an event (heartbeat) after the end":          {begin(), ending(nil), heartbeat()},
		"event 7 where 1 was due":                     {begin(), ending(nil)},
	} {
		t.Run(said, func(t *testing.T) {
			numbered(events...)
			if strings.HasPrefix(said, "event 7") {
				events[1].Sequence = 7
			}
			_, err := foldChat(events...)
			if !errors.Is(err, ErrProtocol) || !strings.Contains(err.Error(), said) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A stream that stopped is not an answer, and neither is one whose end says that it failed.
func TestFoldOfWhatIsNotWhole(t *testing.T) {
	failed := &weirv1.Error{
		Code: 10, Reason: weirv1.ErrorReason_ERROR_REASON_UPSTREAM_STREAM_BROKEN, Message: "cut"}
	whole := numbered(hello()...)
	for name, events := range map[string][]*weirv1.GenerationEvent{
		"nothing":     nil,
		"no end":      whole[:5],
		"a bad end":   numbered(begin(), opened(0, Text("")), ending(failed)),
		"unavailable": numbered(begin(), opened(0, Text("")), ending(&weirv1.Error{Code: 14})),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := foldChat(events...); !errors.Is(err, ErrStreamBroken) {
				t.Errorf("got %v", err)
			}
		})
	}
}
