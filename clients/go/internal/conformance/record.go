package main

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	weir "weir.example/go"
)

// record is what was seen of one call, below the helper.
type record struct {
	asked    *ask
	messages []proto.Message
	headers  metadata.MD
}

func reached(at *int, count int) bool { return at != nil && count >= *at }

// mayCancel says that the line asks for the call to be cancelled here.
func (r *record) mayCancel() bool { return reached(r.asked.CancelAfterMessages, len(r.messages)) }

// mayLeave says that the line asks for the stream to be left here.
func (r *record) mayLeave() bool {
	return reached(r.asked.AbandonAfterMessages, len(r.messages)) ||
		r.asked.Do == "exit_with_open_stream" && len(r.messages) > 0
}

func (r *record) unary(
	ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	return invoke(ctx, method, request, reply, conn, append(opts, grpc.Header(&r.headers))...)
}

func (r *record) stream(
	ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	open grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	inner, err := open(ctx, desc, conn, method, opts...)
	return &recordStream{ClientStream: inner, record: r}, err
}

type recordStream struct {
	grpc.ClientStream
	record *record
}

// RecvMsg waits where the line says, and keeps what came.
func (s *recordStream) RecvMsg(into any) error {
	if slow := s.record.asked.PauseAfterMessages; slow != nil &&
		slow.Count == len(s.record.messages) {
		time.Sleep(time.Duration(slow.MS) * time.Millisecond)
	}
	err := s.ClientStream.RecvMsg(into)
	if s.record.headers == nil {
		s.record.headers, _ = s.Header() // it is here, or will never be
	}
	if came, ok := into.(proto.Message); err == nil && ok {
		s.record.messages = append(s.record.messages, came)
	}
	return err
}

// report is a line of the output.
type report struct {
	ID        string            `json:"id"`
	Messages  []json.RawMessage `json:"messages"`
	Folded    json.RawMessage   `json:"folded,omitempty"`
	Error     *failure          `json:"error"`
	Headers   map[string]string `json:"headers,omitempty"`
	ElapsedMS int64             `json:"elapsed_ms"`
}

type failure struct {
	Code            string            `json:"code"`
	Reason          string            `json:"reason"`
	Message         string            `json:"message"`
	Metadata        map[string]string `json:"metadata"`
	RetryAfterMS    *int64            `json:"retry_after_ms"`
	FieldViolations []fieldViolation  `json:"field_violations"`
	QuotaViolations []quotaViolation  `json:"quota_violations"`
	ResponseID      string            `json:"response_id"`
	Usage           json.RawMessage   `json:"usage"`
	Attempts        []json.RawMessage `json:"attempts"`
	LastSequence    *string           `json:"last_sequence"`
	Complete        bool              `json:"complete"`
	Class           string            `json:"class"`
}

type fieldViolation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

type quotaViolation struct {
	Subject     string `json:"subject"`
	Description string `json:"description"`
}

func (r *record) report(folded proto.Message, err error) (*report, error) {
	out := &report{ID: r.asked.ID, Messages: []json.RawMessage{}}
	var failed error
	written := func(message proto.Message) json.RawMessage {
		text, err := protojson.Marshal(message)
		failed = errors.Join(failed, err)
		return text
	}
	for _, came := range r.messages {
		out.Messages = append(out.Messages, written(came))
	}
	if folded != nil && err == nil {
		out.Folded = written(folded)
	}
	for name, values := range r.headers {
		if out.Headers == nil {
			out.Headers = map[string]string{}
		}
		out.Headers[name] = strings.Join(values, ",")
	}
	if err != nil {
		out.Error = described(err, written)
	}
	return out, failed
}

// described writes an error down as the kit compares it; one that is none of Weir's is of a value
// that could not be sent.
func described(err error, written func(proto.Message) json.RawMessage) *failure {
	var told *weir.Error
	if !errors.As(err, &told) {
		return &failure{Code: "INVALID_ARGUMENT", Message: err.Error(), Class: "error",
			Metadata: map[string]string{}}
	}
	out := &failure{
		Code:            code.Code_name[int32(told.Code)],
		Reason:          told.Reason,
		Message:         told.Message,
		Metadata:        told.Metadata,
		FieldViolations: []fieldViolation{},
		QuotaViolations: []quotaViolation{},
		ResponseID:      told.ResponseID,
		Attempts:        []json.RawMessage{},
		Class:           string(told.Kind),
	}
	if out.Metadata == nil {
		out.Metadata = map[string]string{}
	}
	if told.RetryAfter != nil {
		after := told.RetryAfter.Milliseconds()
		out.RetryAfterMS = &after
	}
	for _, each := range told.FieldViolations {
		out.FieldViolations = append(out.FieldViolations,
			fieldViolation{each.GetField(), each.GetDescription()})
	}
	for _, each := range told.QuotaViolations {
		out.QuotaViolations = append(out.QuotaViolations,
			quotaViolation{each.GetSubject(), each.GetDescription()})
	}
	if told.Usage != nil {
		out.Usage = written(told.Usage)
	}
	for _, attempt := range told.Attempts {
		out.Attempts = append(out.Attempts, written(attempt))
	}
	if told.LastSequence != nil {
		last := strconv.FormatInt(*told.LastSequence, 10)
		out.LastSequence = &last
	}
	return out
}
