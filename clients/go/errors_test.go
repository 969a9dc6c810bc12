package weir

import (
	"cmp"
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	weirv1 "weir.example/go/weir/v1"
)

func reasoned(code codes.Code, reason string, details ...protoadapt.MessageV1) error {
	info := &errdetails.ErrorInfo{
		Reason: reason, Domain: "weir", Metadata: map[string]string{"model": "models/x"}}
	failed, err := status.New(code, "It failed.").WithDetails(
		append([]protoadapt.MessageV1{info}, details...)...)
	if err != nil {
		panic(err) // a test's own mistake
	}
	return failed.Err()
}

func failing(t *testing.T, failure error) *Error {
	t.Helper()
	client, _ := serve(t, &script{
		chat: func(ctx context.Context, _ *weirv1.ChatRequest) (*weirv1.ChatResponse, error) {
			return nil, cmp.Or(grpc.SetTrailer(ctx, metadata.Pairs(
				"weir-request-id", "req_1", "weir-response-id", "resp_1",
				"grpc-retry-pushback-ms", "-1",
			)), failure)
		},
	})
	_, err := client.Chat(t.Context(), Ask("Hello"))
	var told *Error
	if !errors.As(err, &told) {
		t.Fatalf("got %v, which is no *weir.Error", err)
	}
	return told
}

// A kind follows from the code, or from the reason where the code would mislead.
func TestErrorKinds(t *testing.T) {
	for _, c := range []struct {
		code   codes.Code
		reason string
		kind   Kind
	}{
		{codes.InvalidArgument, "INVALID_REQUEST", ErrInvalidRequest},
		{codes.OutOfRange, "", ErrInvalidRequest},
		{codes.ResourceExhausted, "MESSAGE_TOO_LARGE", ErrInvalidRequest},
		{codes.Unauthenticated, "API_KEY_INVALID", ErrUnauthenticated},
		{codes.PermissionDenied, "MODEL_NOT_ALLOWED", ErrPermissionDenied},
		{codes.NotFound, "MODEL_NOT_FOUND", ErrNotFound},
		{codes.AlreadyExists, "RESOURCE_EXISTS", ErrConflict},
		{codes.FailedPrecondition, "PROVIDER_NOT_INITIALIZED", ErrConflict},
		{codes.Aborted, "IDEMPOTENCY_IN_PROGRESS", ErrConflict},
		{codes.Unimplemented, "FEATURE_DISABLED", ErrUnsupported},
		{codes.ResourceExhausted, "RATE_LIMITED", ErrRateLimited},
		{codes.ResourceExhausted, "BUDGET_EXCEEDED", ErrQuotaExceeded},
		{codes.ResourceExhausted, "UPSTREAM_QUOTA_EXHAUSTED", ErrQuotaExceeded},
		{codes.Unavailable, "CIRCUIT_OPEN", ErrUnavailable},
		{codes.DeadlineExceeded, "DEADLINE_TOO_SHORT", ErrDeadlineExceeded},
		{codes.Canceled, "", ErrCancelled},
		{codes.Aborted, "UPSTREAM_STREAM_BROKEN", ErrStreamBroken},
		{codes.ResourceExhausted, "SLOW_CONSUMER", ErrStreamBroken},
		{codes.Internal, "INTERNAL", ErrServer},
		{codes.DataLoss, "A_REASON_OF_LATER", ErrServer},
		{codes.NotFound, "A_REASON_OF_LATER", ErrNotFound},
	} {
		if got := kindOf(c.code, c.reason, false); got != c.kind {
			t.Errorf("%s, %s is %q, not %q", c.code, c.reason, got, c.kind)
		}
	}
}

// Everything that the details of a status say is told.
func TestErrorTellsItsDetails(t *testing.T) {
	last := int64(3)
	told := failing(t, reasoned(codes.ResourceExhausted, "RATE_LIMITED",
		&errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "options.seed", Description: "Leave it out.", Reason: "UNSUPPORTED"}}},
		&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{
			{Subject: "tenants/a", Description: "60 a minute"}}},
		&errdetails.ResourceInfo{ResourceType: "model", ResourceName: "models/x"},
		protoadapt.MessageV1Of(&weirv1.FailureInfo{
			ResponseId: "resp_2", Usage: usageOf(7), LastSequence: &last,
			Attempts: []*weirv1.Attempt{{Provider: "providers/a"}}}),
	))

	if told.Kind != ErrRateLimited || told.Code != codes.ResourceExhausted ||
		told.Reason != "RATE_LIMITED" || told.Message != "It failed." ||
		told.Metadata["model"] != "models/x" || told.ResponseID != "resp_2" ||
		told.RequestID != "req_1" || *told.LastSequence != 3 ||
		told.ReasonNumber() != weirv1.ErrorReason_ERROR_REASON_RATE_LIMITED {
		t.Errorf("got %+v", told)
	}
	if told.RetryAfter == nil || *told.RetryAfter != 1500*time.Millisecond {
		t.Errorf("it says to wait %v", told.RetryAfter)
	}
	same(t, told.FieldViolations[0], &weirv1.FieldViolation{
		Field: "options.seed", Description: "Leave it out.", Rule: "UNSUPPORTED"})
	same(t, told.QuotaViolations[0], &errdetails.QuotaFailure_Violation{
		Subject: "tenants/a", Description: "60 a minute"})
	same(t, told.Resource, &errdetails.ResourceInfo{
		ResourceType: "model", ResourceName: "models/x"})
	same(t, told.Usage, usageOf(7))
	same(t, told.Attempts[0], &weirv1.Attempt{Provider: "providers/a"})
	const said = "weir: RATE_LIMITED: It failed. [options.seed: Leave it out.] " +
		"(retry after 1.5s) (request req_1)"
	if told.Error() != said {
		t.Errorf("it says %q", told.Error())
	}
}

// A detail of another domain names no reason of Weir's, and a bare status tells what it can.
func TestErrorWithoutDetails(t *testing.T) {
	foreign, err := status.New(codes.NotFound, "").WithDetails(
		&errdetails.ErrorInfo{Reason: "OTHER", Domain: "proxy.example"})
	if err != nil {
		t.Fatal(err)
	}
	told := failing(t, foreign.Err())
	if told.Reason != "" || told.Kind != ErrNotFound || told.RetryAfter != nil ||
		told.Usage != nil || told.ResponseID != "resp_1" ||
		told.Message != "The call failed with NotFound." {
		t.Errorf("got %+v", told)
	}
}

// An error is found by its kind, by what kinds it stands for, and by gRPC's own functions.
func TestErrorIs(t *testing.T) {
	quota := error(&Error{Kind: ErrQuotaExceeded, Code: codes.ResourceExhausted})
	late := error(&Error{Kind: ErrDeadlineExceeded, Code: codes.DeadlineExceeded})
	gone := error(&Error{Kind: ErrCancelled, Code: codes.Canceled})
	for _, c := range []struct {
		err, target error
		is          bool
	}{
		{quota, ErrQuotaExceeded, true},
		{quota, ErrRateLimited, true},
		{quota, ErrUnavailable, false},
		{late, context.DeadlineExceeded, true},
		{late, context.Canceled, false},
		{gone, context.Canceled, true},
	} {
		if errors.Is(c.err, c.target) != c.is {
			t.Errorf("%v is %v: not %v", c.err, c.target, c.is)
		}
	}
	if status.Code(quota) != codes.ResourceExhausted {
		t.Errorf("gRPC finds %v", status.Code(quota))
	}
}

// What the end of a stream says is told as a status would tell it.
func TestErrorFromEnd(t *testing.T) {
	event := ending(&weirv1.Error{
		Code:            8,
		Reason:          weirv1.ErrorReason_ERROR_REASON_RATE_LIMITED,
		Message:         "Slow down.",
		Metadata:        map[string]string{"limit": "60"},
		RetryAfter:      durationpb.New(time.Second),
		FieldViolations: []*weirv1.FieldViolation{{Field: "f"}},
	})
	told := errorFromEnd(event.GetEnd(), false)
	if told.Kind != ErrRateLimited || told.Reason != "RATE_LIMITED" || told.Message != "Slow down." ||
		*told.RetryAfter != time.Second || told.Metadata["limit"] != "60" ||
		told.ResponseID != "resp_1" || len(told.FieldViolations) != 1 {
		t.Errorf("got %+v", told)
	}
	same(t, told.Usage, usageOf(7))

	newer := ending(&weirv1.Error{Code: 99, Reason: 9999}).GetEnd()
	if told := errorFromEnd(newer, false); told.Kind != ErrServer || told.Reason != "" ||
		told.Code != codes.Unknown {
		t.Errorf("of a newer server: got %+v", told)
	}
}
