package weir

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	weirv1 "weir.example/go/weir/v1"
)

// Kind says what a caller does next about a failed call. A Kind is an error itself, to be asked
// for with errors.Is; ErrQuotaExceeded is an ErrRateLimited too.
type Kind string

// The kinds of failure. They follow from the gRPC code and, where a code means several things,
// from the reason.
const (
	// ErrInvalidRequest: change the request; FieldViolations names the fields.
	ErrInvalidRequest Kind = "invalid request"
	// ErrUnauthenticated: send another key.
	ErrUnauthenticated Kind = "unauthenticated"
	// ErrPermissionDenied: ask for the right.
	ErrPermissionDenied Kind = "permission denied"
	// ErrNotFound: name something that exists.
	ErrNotFound Kind = "not found"
	// ErrConflict: look at the state of things, then decide.
	ErrConflict Kind = "conflict"
	// ErrUnsupported: this server does not do that.
	ErrUnsupported Kind = "unsupported"
	// ErrRateLimited: wait RetryAfter, then try again.
	ErrRateLimited Kind = "rate limited"
	// ErrQuotaExceeded: a budget or a quota is spent; waiting a moment does not help.
	ErrQuotaExceeded Kind = "quota exceeded"
	// ErrUnavailable: try again later. Nothing of an answer was given, though a provider may have
	// been asked: Attempts and Usage tell.
	ErrUnavailable Kind = "unavailable"
	// ErrDeadlineExceeded: allow more time. It is a context.DeadlineExceeded too.
	ErrDeadlineExceeded Kind = "deadline exceeded"
	// ErrCancelled: nothing, this side cancelled. It is a context.Canceled too.
	ErrCancelled Kind = "cancelled"
	// ErrStreamBroken: the answer began and was cut; what came is not the whole of it, and was used.
	ErrStreamBroken Kind = "stream broken"
	// ErrServer: a fault of the server's own, or one that has no name; report it, with RequestID.
	ErrServer Kind = "server error"
	// ErrProtocol: the server's answer breaks the contract; report it, with RequestID.
	ErrProtocol Kind = "protocol error"
)

// Error tells what kind of failure it is.
func (k Kind) Error() string { return "weir: " + string(k) }

// Error is a call that failed. Get it with errors.As, or ask for its kind with errors.Is:
//
//	var failure *weir.Error
//	if errors.As(err, &failure) && failure.RetryAfter != nil { … }
//	if errors.Is(err, weir.ErrNotFound) { … }
type Error struct {
	// Kind says what to do next.
	Kind Kind
	// Code is the gRPC status code.
	Code codes.Code
	// Reason is why, as the contract names it without its prefix, such as "MODEL_NOT_FOUND". Empty
	// where the failure did not come from Weir itself, such as a refused connection.
	Reason string
	// Message is a sentence for people.
	Message string
	// Metadata holds facts about the failure; the keys are named with each weirv1.ErrorReason.
	Metadata map[string]string
	// RetryAfter is how long to wait before trying again. Nil: not known, or never.
	RetryAfter *time.Duration
	// FieldViolations are the request's fields that break a rule.
	FieldViolations []*weirv1.FieldViolation
	// QuotaViolations are the limits that were reached.
	QuotaViolations []*errdetails.QuotaFailure_Violation
	// Resource is what was not found. Nil: not told.
	Resource *errdetails.ResourceInfo
	// ResponseID is Weir's identity of the answer. Empty: there is none.
	ResponseID string
	// Usage is what was used all the same. Nil: not told.
	Usage *weirv1.TokenUsage
	// LastSequence is the sequence of the last event that the server sent. Nil: not told, or none.
	LastSequence *int64
	// Attempts are the calls made to providers.
	Attempts []*weirv1.Attempt
	// RequestID is the identity of the call in the server's logs. Empty: it never got there.
	RequestID string

	status *status.Status
}

// Error tells the reason, the message, the fields at fault, the wait, and the request's identity.
func (e *Error) Error() string {
	var said strings.Builder
	named := e.Reason
	if named == "" {
		named = e.Code.String()
	}
	fmt.Fprintf(&said, "weir: %s: %s", named, e.Message)
	for _, violation := range e.FieldViolations {
		fmt.Fprintf(&said, " [%s: %s]", violation.GetField(), violation.GetDescription())
	}
	if e.RetryAfter != nil {
		fmt.Fprintf(&said, " (retry after %s)", *e.RetryAfter)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&said, " (request %s)", e.RequestID)
	}
	return said.String()
}

// Is says whether the failure is of a Kind; a cancelled call and one out of time are also the
// errors of package context.
func (e *Error) Is(target error) bool {
	switch target {
	case e.Kind:
		return true
	case ErrRateLimited:
		return e.Kind == ErrQuotaExceeded
	case context.Canceled:
		return e.Kind == ErrCancelled
	case context.DeadlineExceeded:
		return e.Kind == ErrDeadlineExceeded
	}
	return false
}

// GRPCStatus gives the status as gRPC knows it, so that status.FromError and status.Code work.
func (e *Error) GRPCStatus() *status.Status {
	if e.status == nil {
		return status.New(e.Code, e.Message)
	}
	return e.status
}

// ReasonNumber is the reason as the enum's number; unspecified where these stubs do not know it.
func (e *Error) ReasonNumber() weirv1.ErrorReason {
	return weirv1.ErrorReason(weirv1.ErrorReason_value[reasonPrefix+e.Reason])
}

var kindByCode = map[codes.Code]Kind{
	codes.Canceled:           ErrCancelled,
	codes.InvalidArgument:    ErrInvalidRequest,
	codes.DeadlineExceeded:   ErrDeadlineExceeded,
	codes.NotFound:           ErrNotFound,
	codes.AlreadyExists:      ErrConflict,
	codes.PermissionDenied:   ErrPermissionDenied,
	codes.ResourceExhausted:  ErrRateLimited,
	codes.FailedPrecondition: ErrConflict,
	codes.Aborted:            ErrConflict,
	codes.OutOfRange:         ErrInvalidRequest,
	codes.Unimplemented:      ErrUnsupported,
	codes.Unavailable:        ErrUnavailable,
	codes.Unauthenticated:    ErrUnauthenticated,
}

// Where the code alone would send the caller the wrong way.
var kindByReason = map[string]Kind{
	"MESSAGE_TOO_LARGE":        ErrInvalidRequest,
	"BUDGET_EXCEEDED":          ErrQuotaExceeded,
	"UPSTREAM_QUOTA_EXHAUSTED": ErrQuotaExceeded,
	"SLOW_CONSUMER":            ErrStreamBroken,
	"UPSTREAM_STREAM_BROKEN":   ErrStreamBroken,
}

// kindOf gives the kind for a code and a reason; a reason that is not known here leaves it to the
// code. After something of an answer was given, "unavailable" means that it was cut, by a server
// that shuts down for one, and trying again is no free call.
func kindOf(code codes.Code, reason string, answered bool) Kind {
	if answered && code == codes.Unavailable {
		return ErrStreamBroken
	}
	if kind, known := kindByReason[reason]; known {
		return kind
	}
	if kind, known := kindByCode[code]; known {
		return kind
	}
	return ErrServer
}
