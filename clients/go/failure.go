package weir

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	weirv1 "weir.example/go/weir/v1"
)

const (
	errorDomain  = "weir"
	reasonPrefix = "ERROR_REASON_"
)

// errorFromStatus gives the error of a call that ended with a status. started tells whether the
// stream had begun: a bare failure of the transport is then a broken stream.
func errorFromStatus(failed *status.Status, trailer metadata.MD, started bool) *Error {
	e := &Error{
		Code:       failed.Code(),
		Message:    failed.Message(),
		ResponseID: first(trailer, "weir-response-id"),
		RequestID:  first(trailer, "weir-request-id"),
		status:     failed,
	}
	if e.Code > codes.Unauthenticated {
		e.Code = codes.Unknown
	}
	if e.Message == "" {
		e.Message = nameless(e.Code)
	}
	for _, detail := range failed.Details() {
		if known, ok := detail.(proto.Message); ok {
			e.note(known)
		}
	}
	e.Kind = kindOf(e.Code, e.Reason, false)
	if e.Reason == "" {
		if started && looksCut(e.Code) {
			e.Kind = ErrStreamBroken
		} else if e.Code == codes.ResourceExhausted && strings.Contains(e.Message, "larger than max") {
			e.Kind = ErrInvalidRequest // gRPC's own limit gives no details
		}
	}
	return e
}

// note takes what one detail of a status says.
func (e *Error) note(detail proto.Message) {
	switch detail := detail.(type) {
	case *errdetails.ErrorInfo:
		if detail.GetDomain() == errorDomain {
			e.Reason, e.Metadata = detail.GetReason(), detail.GetMetadata()
		}
	case *errdetails.RetryInfo:
		e.RetryAfter = pointer(detail.GetRetryDelay().AsDuration())
	case *errdetails.BadRequest:
		for _, violation := range detail.GetFieldViolations() {
			e.FieldViolations = append(e.FieldViolations, &weirv1.FieldViolation{
				Field:       violation.GetField(),
				Description: violation.GetDescription(),
				Rule:        violation.GetReason(),
			})
		}
	case *errdetails.QuotaFailure:
		e.QuotaViolations = detail.GetViolations()
	case *errdetails.ResourceInfo:
		e.Resource = detail
	case *weirv1.FailureInfo:
		if id := detail.GetResponseId(); id != "" {
			e.ResponseID = id
		}
		e.Usage, e.LastSequence = detail.Usage, detail.LastSequence
		e.Attempts = detail.GetAttempts()
	}
}

// errorFromEnd gives the error that the end of a stream carries.
func errorFromEnd(end *weirv1.StreamEnd, answered bool) *Error {
	told := end.GetError()
	e := &Error{
		Code:            codes.Code(told.GetCode()),
		Message:         told.GetMessage(),
		Metadata:        told.GetMetadata(),
		FieldViolations: told.GetFieldViolations(),
		ResponseID:      end.GetMetadata().GetResponseId(),
		Usage:           end.GetUsage(),
		Attempts:        end.GetMetadata().GetAttempts(),
	}
	if e.Code > codes.Unauthenticated {
		e.Code = codes.Unknown
	}
	if told.GetReason() != weirv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		name := weirv1.ErrorReason_name[int32(told.GetReason())] // empty where it is not known
		e.Reason = strings.TrimPrefix(name, reasonPrefix)
	}
	if e.Message == "" {
		e.Message = nameless(e.Code)
	}
	if after := told.GetRetryAfter(); after != nil {
		e.RetryAfter = pointer(after.AsDuration())
	}
	e.Kind = kindOf(e.Code, e.Reason, answered)
	return e
}

// looksCut names what a cut connection looks like when no one is left to say why.
func looksCut(code codes.Code) bool {
	return code == codes.Unavailable || code == codes.Internal || code == codes.Unknown
}

func nameless(code codes.Code) string { return fmt.Sprintf("The call failed with %s.", code) }

func first(md metadata.MD, key string) string {
	if values := md.Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}

func pointer(d time.Duration) *time.Duration { return &d }
