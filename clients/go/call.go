package weir

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// link is what every call of a client goes through, by way of gRPC's interceptors: the deadline,
// the metadata, the client's close, and the typed error. So the raw stubs have them too.
type link struct {
	metadata      metadata.MD
	timeout       time.Duration
	streamTimeout time.Duration
	closed        context.Context
}

func (l *link) unary(
	ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	ctx, cancel, err := l.begin(ctx, l.timeout, opts)
	if err != nil {
		return err
	}
	defer cancel()
	var trailer metadata.MD
	err = invoke(ctx, method, request, reply, conn, append(slices.Clip(opts), grpc.Trailer(&trailer))...)
	if err == nil {
		return nil
	}
	return l.failure(err, trailer, false)
}

func (l *link) stream(
	ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	open grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	ctx, cancel, err := l.begin(ctx, l.streamTimeout, opts)
	if err != nil {
		return nil, err
	}
	inner, err := open(ctx, desc, conn, method, opts...)
	if err != nil {
		cancel()
		return nil, l.failure(err, nil, false)
	}
	return &linkStream{ClientStream: inner, link: l, cancel: cancel}, nil
}

// begin gives a call its deadline and its metadata, and ties it to the client.
func (l *link) begin(
	ctx context.Context, timeout time.Duration, opts []grpc.CallOption,
) (context.Context, context.CancelFunc, error) {
	if l.closed.Err() != nil {
		return nil, nil, errors.New("weir: this client is closed; make another")
	}
	ctx, err := outgoing(ctx, l.metadata, opts)
	if err != nil {
		return nil, nil, err
	}
	var cancel context.CancelFunc
	if _, bounded := ctx.Deadline(); bounded {
		ctx, cancel = context.WithCancel(ctx)
	} else {
		ctx, cancel = context.WithTimeout(ctx, timeout)
	}
	stop := context.AfterFunc(l.closed, cancel)
	return ctx, func() { stop(); cancel() }, nil
}

func (l *link) failure(err error, trailer metadata.MD, started bool) error {
	if l.closed.Err() != nil {
		return cancelled()
	}
	// Not status.FromError: it would put gRPC's own words about retries into the server's message.
	var told interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &told) {
		return err
	}
	return errorFromStatus(told.GRPCStatus(), trailer, started)
}

// cancelled is the error of a call that this side ended.
func cancelled() *Error {
	return &Error{
		Kind:    ErrCancelled,
		Code:    codes.Canceled,
		Message: "The call was cancelled from this side.",
	}
}

// linkStream is a stream whose failure is typed, and whose deadline ends with it.
type linkStream struct {
	grpc.ClientStream
	link    *link
	cancel  context.CancelFunc
	started bool
}

// SendMsg hides no failure of the call: gRPC gives io.EOF here and tells the rest in RecvMsg.
func (s *linkStream) SendMsg(message any) error {
	err := s.ClientStream.SendMsg(message)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return s.fail(err)
}

// RecvMsg reads the next message.
func (s *linkStream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	switch {
	case err == nil:
		s.started = true
		return nil
	case errors.Is(err, io.EOF):
		s.cancel()
		return err
	}
	return s.fail(err)
}

func (s *linkStream) fail(err error) error {
	s.cancel()
	return s.link.failure(err, s.ClientStream.Trailer(), s.started)
}
