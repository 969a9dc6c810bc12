package weir

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	weirv1 "weir.example/go/weir/v1"
)

// ChatFold gathers the answer of a chat, event by event: the same answer that the unary call
// gives. Its zero value is ready. Heartbeats, interim usage, warnings and events of unknown kind
// add nothing; time and memory grow with the total size of the events.
type ChatFold struct{ fold }

// Response gives the whole answer, the caller's own. It fails with ErrStreamBroken where the end
// has not come, and with the error that the end carries, if any.
func (f *ChatFold) Response() (*weirv1.ChatResponse, error) {
	end, err := f.successfulEnd()
	if err != nil {
		return nil, err
	}
	answer := &weirv1.ChatResponse{
		Message:      &weirv1.Message{Role: weirv1.Role_ROLE_ASSISTANT},
		FinishReason: end.FinishReason,
		Usage:        end.Usage,
		Metadata:     end.Metadata,
	}
	for _, part := range f.parts {
		answer.Message.Parts = append(answer.Message.Parts, part.whole)
		answer.Logprobs = append(answer.Logprobs, part.logprobs...)
	}
	return proto.CloneOf(answer), nil
}

// CompleteFold gathers the answer of a completion, event by event; see ChatFold. The text is that
// of the text parts: reasoning and refusals have no place in a CompleteResponse.
type CompleteFold struct{ fold }

// Response gives the whole answer; see ChatFold.Response.
func (f *CompleteFold) Response() (*weirv1.CompleteResponse, error) {
	end, err := f.successfulEnd()
	if err != nil {
		return nil, err
	}
	answer := &weirv1.CompleteResponse{
		FinishReason: end.FinishReason,
		Usage:        end.Usage,
		Metadata:     end.Metadata,
	}
	var text strings.Builder
	for _, part := range f.parts {
		if part.kind == "text" {
			text.WriteString(part.whole.GetText())
			answer.Logprobs = append(answer.Logprobs, part.logprobs...)
		}
	}
	answer.Text = text.String()
	return proto.CloneOf(answer), nil
}

// fold holds the parts and the end of one answer.
type fold struct {
	due     int64 // sequence of the next event
	started bool
	parts   []*partFold
	open    map[int32]*partFold
	end     *weirv1.StreamEnd
}

// Add takes the next event; the fold keeps copies, never the event. It fails with ErrProtocol
// where the event cannot follow what came before.
func (f *fold) Add(event *weirv1.GenerationEvent) error {
	if f.end != nil {
		return violation("an event (%s) after the end", kindOfEvent(event))
	}
	if err := f.checkOrder(event); err != nil {
		return err
	}
	switch event := event.GetEvent().(type) {
	case *weirv1.GenerationEvent_PartStart:
		return f.openPart(event.PartStart)
	case *weirv1.GenerationEvent_PartDelta:
		part := f.open[event.PartDelta.GetIndex()]
		if part == nil {
			return violation("a delta for part %d, which is not open", event.PartDelta.GetIndex())
		}
		return part.add(event.PartDelta)
	case *weirv1.GenerationEvent_PartEnd:
		return f.closePart(event.PartEnd)
	case *weirv1.GenerationEvent_End:
		return f.finish(event.End)
	}
	return nil
}

// answered says whether something of an answer was given: a part at least has begun.
func (f *fold) answered() bool { return len(f.parts) > 0 }

func (f *fold) ended() *weirv1.StreamEnd { return f.end }

func (f *fold) checkOrder(event *weirv1.GenerationEvent) error {
	if event.GetSequence() != f.due {
		return violation("event %d where %d was due", event.GetSequence(), f.due)
	}
	f.due++
	if isStart := event.GetStart() != nil; isStart == f.started {
		if isStart {
			return violation("a second start")
		}
		return violation("%s before the start", kindOfEvent(event))
	}
	f.started = true
	return nil
}

func (f *fold) openPart(start *weirv1.PartStart) error {
	if int(start.GetIndex()) != len(f.parts) {
		return violation("part %d opened where %d was due", start.GetIndex(), len(f.parts))
	}
	part, err := newPartFold(start)
	if err != nil {
		return err
	}
	f.parts = append(f.parts, part)
	if f.open == nil {
		f.open = map[int32]*partFold{}
	}
	f.open[start.GetIndex()] = part
	return nil
}

func (f *fold) closePart(end *weirv1.PartEnd) error {
	part := f.open[end.GetIndex()]
	if part == nil {
		return violation("part %d ended, which is not open", end.GetIndex())
	}
	delete(f.open, end.GetIndex())
	return part.finish(end)
}

func (f *fold) finish(end *weirv1.StreamEnd) error {
	if len(f.open) > 0 && end.GetError() == nil {
		return violation("a successful end while parts %v are open",
			slices.Sorted(maps.Keys(f.open)))
	}
	f.end = proto.CloneOf(end)
	return nil
}

func (f *fold) successfulEnd() (*weirv1.StreamEnd, error) {
	if f.end == nil {
		return nil, &Error{
			Kind:    ErrStreamBroken,
			Code:    codes.Aborted,
			Message: "The stream stopped before its end.",
		}
	}
	if f.end.GetError() != nil {
		return nil, errorFromEnd(f.end, f.answered())
	}
	return f.end, nil
}

func kindOfEvent(event *weirv1.GenerationEvent) protoreflect.Name {
	return oneofSet(event, "event")
}

// oneofSet names the field of a oneof that is set; empty where none is.
func oneofSet(message proto.Message, oneof protoreflect.Name) protoreflect.Name {
	reflected := message.ProtoReflect()
	set := reflected.WhichOneof(reflected.Descriptor().Oneofs().ByName(oneof))
	if set == nil {
		return ""
	}
	return set.Name()
}

func violation(format string, facts ...any) *Error {
	return &Error{
		Kind:    ErrProtocol,
		Code:    codes.Internal,
		Message: "The stream breaks the contract: " + fmt.Sprintf(format, facts...) + ".",
	}
}
