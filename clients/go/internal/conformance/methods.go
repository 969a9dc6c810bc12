package main

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	weir "weir.example/go"
	weiradminv1 "weir.example/go/weir/admin/v1"
	weirv1 "weir.example/go/weir/v1"
)

// errLeft says that a stream was left in the middle, as the line asked.
var errLeft = errors.New("the stream was left")

// method makes one call and gives what the helper folded, if it folds.
type method func(context.Context, context.CancelFunc, *weir.Client, *record) (proto.Message, error)

var methods = map[string]method{
	"weir.v1.LLMProviderService/Initialize":         unary(providers, weirv1.LLMProviderServiceClient.Initialize),
	"weir.v1.LLMProviderService/ValidateConfig":     unary(providers, weirv1.LLMProviderServiceClient.ValidateConfig),
	"weir.v1.LLMProviderService/Complete":           unary(itself, (*weir.Client).Complete),
	"weir.v1.LLMProviderService/StreamComplete":     streamComplete,
	"weir.v1.LLMProviderService/Chat":               unary(itself, (*weir.Client).Chat),
	"weir.v1.LLMProviderService/StreamChat":         streamChat,
	"weir.v1.LLMProviderService/CountTokens":        unary(itself, (*weir.Client).CountTokens),
	"weir.v1.LLMProviderService/ValidateTokenCount": unary(providers, weirv1.LLMProviderServiceClient.ValidateTokenCount),

	"weir.v1.EmbeddingService/Embed":        unary(itself, (*weir.Client).Embed),
	"weir.v1.ModelService/ListModels":       unary(models, weirv1.ModelServiceClient.ListModels),
	"weir.v1.ModelService/GetModel":         unary(models, weirv1.ModelServiceClient.GetModel),
	"weir.v1.ModelService/GetServerInfo":    unary(models, weirv1.ModelServiceClient.GetServerInfo),
	"weir.v1.UsageService/GetResponseUsage": unary(usage, weirv1.UsageServiceClient.GetResponseUsage),

	"weir.admin.v1.ProviderAdminService/ListTargets":     unary(targets, weiradminv1.ProviderAdminServiceClient.ListTargets),
	"weir.admin.v1.ProviderAdminService/WatchTargets":    stream(targets, weiradminv1.ProviderAdminServiceClient.WatchTargets),
	"weir.admin.v1.ProviderAdminService/SetCircuitState": unary(targets, weiradminv1.ProviderAdminServiceClient.SetCircuitState),
	"weir.admin.v1.ProviderAdminService/ExplainRoute":    unary(targets, weiradminv1.ProviderAdminServiceClient.ExplainRoute),

	"weir.admin.v1.KeyAdminService/CreateKey": unary(keys, weiradminv1.KeyAdminServiceClient.CreateKey),
	"weir.admin.v1.KeyAdminService/GetKey":    unary(keys, weiradminv1.KeyAdminServiceClient.GetKey),
	"weir.admin.v1.KeyAdminService/ListKeys":  unary(keys, weiradminv1.KeyAdminServiceClient.ListKeys),
	"weir.admin.v1.KeyAdminService/UpdateKey": unary(keys, weiradminv1.KeyAdminServiceClient.UpdateKey),
	"weir.admin.v1.KeyAdminService/RotateKey": unary(keys, weiradminv1.KeyAdminServiceClient.RotateKey),
	"weir.admin.v1.KeyAdminService/RevokeKey": unary(keys, weiradminv1.KeyAdminServiceClient.RevokeKey),

	"weir.admin.v1.UsageAdminService/QueryUsage":   unary(budgets, weiradminv1.UsageAdminServiceClient.QueryUsage),
	"weir.admin.v1.UsageAdminService/WatchUsage":   stream(budgets, weiradminv1.UsageAdminServiceClient.WatchUsage),
	"weir.admin.v1.UsageAdminService/ListCalls":    unary(budgets, weiradminv1.UsageAdminServiceClient.ListCalls),
	"weir.admin.v1.UsageAdminService/SetBudget":    unary(budgets, weiradminv1.UsageAdminServiceClient.SetBudget),
	"weir.admin.v1.UsageAdminService/ListBudgets":  unary(budgets, weiradminv1.UsageAdminServiceClient.ListBudgets),
	"weir.admin.v1.UsageAdminService/DeleteBudget": unary(budgets, weiradminv1.UsageAdminServiceClient.DeleteBudget),
	"weir.admin.v1.UsageAdminService/WatchBudgets": stream(budgets, weiradminv1.UsageAdminServiceClient.WatchBudgets),

	"grpc.health.v1.Health/Check": unary(health, healthv1.HealthClient.Check),
}

func itself(c *weir.Client) *weir.Client                            { return c }
func providers(c *weir.Client) weirv1.LLMProviderServiceClient      { return c.Providers }
func models(c *weir.Client) weirv1.ModelServiceClient               { return c.Models }
func usage(c *weir.Client) weirv1.UsageServiceClient                { return c.Usage }
func targets(c *weir.Client) weiradminv1.ProviderAdminServiceClient { return c.Targets }
func keys(c *weir.Client) weiradminv1.KeyAdminServiceClient         { return c.Keys }
func budgets(c *weir.Client) weiradminv1.UsageAdminServiceClient    { return c.Budgets }
func health(c *weir.Client) healthv1.HealthClient                   { return c.Health }

type message[T any] interface {
	*T
	proto.Message
}

// unary makes the method of a stub, or of the client itself, that gives one answer.
func unary[S any, Request any, Reply proto.Message, P message[Request]](
	of func(*weir.Client) S,
	call func(S, context.Context, P, ...grpc.CallOption) (Reply, error),
) method {
	return func(
		ctx context.Context, cancel context.CancelFunc, client *weir.Client, seen *record,
	) (proto.Message, error) {
		request := P(new(Request))
		if err := protojson.Unmarshal(seen.asked.Request, request); err != nil {
			return nil, err
		}
		if at := seen.asked.CancelAfterMessages; at != nil && *at == 0 {
			time.AfterFunc(20*time.Millisecond, cancel) // by then it was sent
		}
		reply, err := call(of(client), ctx, request)
		if err == nil {
			seen.messages = append(seen.messages, reply)
		}
		return nil, err
	}
}

// stream makes the method of a stub that gives many messages.
func stream[S any, Request any, Reply any, P message[Request]](
	of func(*weir.Client) S,
	call func(S, context.Context, P, ...grpc.CallOption) (grpc.ServerStreamingClient[Reply], error),
) method {
	return func(
		ctx context.Context, cancel context.CancelFunc, client *weir.Client, seen *record,
	) (proto.Message, error) {
		request := P(new(Request))
		if err := protojson.Unmarshal(seen.asked.Request, request); err != nil {
			return nil, err
		}
		frames, err := call(of(client), ctx, request)
		for err == nil {
			if seen.mayLeave() {
				cancel() // what a caller of a bare stub defers
				return nil, errLeft
			}
			if seen.mayCancel() {
				cancel()
			}
			_, err = frames.Recv()
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return nil, err
	}
}

func streamChat(
	ctx context.Context, _ context.CancelFunc, client *weir.Client, seen *record,
) (proto.Message, error) {
	request := &weirv1.StreamChatRequest{}
	if err := protojson.Unmarshal(seen.asked.Request, request); err != nil {
		return nil, err
	}
	return follow(client.StreamChat(
		ctx, request.GetRequest(), weir.WithStreamOptions(request.GetStreamOptions())), seen)
}

func streamComplete(
	ctx context.Context, _ context.CancelFunc, client *weir.Client, seen *record,
) (proto.Message, error) {
	request := &weirv1.StreamCompleteRequest{}
	if err := protojson.Unmarshal(seen.asked.Request, request); err != nil {
		return nil, err
	}
	return follow(client.StreamComplete(
		ctx, request.GetRequest(), weir.WithStreamOptions(request.GetStreamOptions())), seen)
}

// follow reads a stream by the helper, and leaves it or cancels it where the line says.
func follow[R proto.Message](stream *weir.Stream[R], seen *record) (proto.Message, error) {
	if seen.mayLeave() {
		runtime.GC() // nothing holds the stream any longer
		return nil, errLeft
	}
	if seen.mayCancel() {
		_ = stream.Close()
	}
	for _, err := range stream.Events() {
		if err != nil {
			return nil, err
		}
		if seen.mayLeave() {
			return nil, errLeft
		}
		if seen.mayCancel() {
			_ = stream.Close()
		}
	}
	return stream.Response()
}
