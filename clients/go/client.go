package weir

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	weiradminv1 "weir.example/go/weir/admin/v1"
	weirv1 "weir.example/go/weir/v1"
)

// Client is a connection to Weir. It is safe for use by several goroutines at once, and made to be
// kept: one for each server and key. Close it when it is no longer needed.
//
// Its methods are the calls that most programs make. The stubs beside them have every call there
// is, with the same deadlines, metadata and errors. A call takes any grpc.CallOption, and RequestID,
// IdempotencyKey and Priority; metadata.AppendToOutgoingContext adds further metadata.
//
// Every failed call gives an *Error. What cannot be sent at all gives another error, before the
// call. A call that fails with UNAVAILABLE before anything of an answer was given is tried again,
// three times in all, 0.2 s to 2 s apart, unless the server forbids it. Nothing else is repeated.
type Client struct {
	// Providers answers chats and completions, counts tokens and registers providers.
	Providers weirv1.LLMProviderServiceClient
	// Models tells what the server has.
	Models weirv1.ModelServiceClient
	// Embeddings turns texts and media into vectors.
	Embeddings weirv1.EmbeddingServiceClient
	// Usage tells what calls of one's own used.
	Usage weirv1.UsageServiceClient
	// Targets is for operators: how targets are doing, and which way a request would go.
	Targets weiradminv1.ProviderAdminServiceClient
	// Keys is for operators: who may call, and how much.
	Keys weiradminv1.KeyAdminServiceClient
	// Budgets is for operators: what was used, and how much may be.
	Budgets weiradminv1.UsageAdminServiceClient
	// Health tells whether the server, or one of its services, is serving.
	Health healthv1.HealthClient

	conn  *grpc.ClientConn
	close context.CancelFunc
}

// NewClient makes a client for the server at an address: "host:port", "https://host:port",
// "http://host:port" or "unix:/path". The connection is made with the first call.
//
// It fails on an address, a key, a time or a file that cannot be.
func NewClient(address string, opts ...Option) (*Client, error) {
	chosen, err := gather(opts)
	if err != nil {
		return nil, err
	}
	server, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	secured, err := server.credentials(chosen)
	if err != nil {
		return nil, err
	}
	sent := metadata.Pairs("weir-client", userAgent)
	if chosen.apiKey != nil {
		sent.Set("authorization", "Bearer "+*chosen.apiKey)
	}
	closed, closing := context.WithCancel(context.Background())
	each := &link{
		metadata:      sent,
		timeout:       chosen.timeout,
		streamTimeout: chosen.streamTimeout,
		closed:        closed,
	}
	dial := append(dialOptions(chosen.maxReceiveBytes),
		grpc.WithTransportCredentials(secured),
		grpc.WithChainUnaryInterceptor(each.unary),
		grpc.WithChainStreamInterceptor(each.stream),
	)
	conn, err := grpc.NewClient(server.target, append(dial, chosen.dial...)...)
	if err != nil {
		closing()
		return nil, fmt.Errorf("weir: %w", err)
	}
	return &Client{
		Providers:  weirv1.NewLLMProviderServiceClient(conn),
		Models:     weirv1.NewModelServiceClient(conn),
		Embeddings: weirv1.NewEmbeddingServiceClient(conn),
		Usage:      weirv1.NewUsageServiceClient(conn),
		Targets:    weiradminv1.NewProviderAdminServiceClient(conn),
		Keys:       weiradminv1.NewKeyAdminServiceClient(conn),
		Budgets:    weiradminv1.NewUsageAdminServiceClient(conn),
		Health:     healthv1.NewHealthClient(conn),
		conn:       conn,
		close:      closing,
	}, nil
}

// Must gives the client, or panics with the error: for clients that live as long as the program.
//
//	var client = weir.Must(weir.NewClient("localhost:50051"))
func Must(client *Client, err error) *Client {
	if err != nil {
		panic(err)
	}
	return client
}

// Close cancels what is open and leaves the server. What is read of a stream after it is
// ErrCancelled.
func (c *Client) Close() error {
	c.close()
	return c.conn.Close()
}

// Conn is the connection, for stubs of services that are not here.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

// Chat answers a conversation at once.
func (c *Client) Chat(
	ctx context.Context, request *weirv1.ChatRequest, opts ...grpc.CallOption,
) (*weirv1.ChatResponse, error) {
	return c.Providers.Chat(ctx, request, opts...)
}

// StreamChat answers a conversation as the answer is written. The call begins now; what keeps it
// from beginning is told by the first read. A loop over the stream ends the call, and so does its
// Close: see Stream.
func (c *Client) StreamChat(
	ctx context.Context, request *weirv1.ChatRequest, opts ...grpc.CallOption,
) *ChatStream {
	whole := &weirv1.StreamChatRequest{Request: request, StreamOptions: streamOptions(opts)}
	return newStream(ctx, &ChatFold{}, func(ctx context.Context) (source, error) {
		frames, err := c.Providers.StreamChat(ctx, whole, opts...)
		return events(frames), err
	})
}

// Complete goes on from a text at once.
func (c *Client) Complete(
	ctx context.Context, request *weirv1.CompleteRequest, opts ...grpc.CallOption,
) (*weirv1.CompleteResponse, error) {
	return c.Providers.Complete(ctx, request, opts...)
}

// StreamComplete goes on from a text as it is written; see StreamChat.
func (c *Client) StreamComplete(
	ctx context.Context, request *weirv1.CompleteRequest, opts ...grpc.CallOption,
) *CompleteStream {
	whole := &weirv1.StreamCompleteRequest{Request: request, StreamOptions: streamOptions(opts)}
	return newStream(ctx, &CompleteFold{}, func(ctx context.Context) (source, error) {
		frames, err := c.Providers.StreamComplete(ctx, whole, opts...)
		return events(frames), err
	})
}

// Embed turns texts or media into vectors, in order.
func (c *Client) Embed(
	ctx context.Context, request *weirv1.EmbedRequest, opts ...grpc.CallOption,
) (*weirv1.EmbedResponse, error) {
	return c.Embeddings.Embed(ctx, request, opts...)
}

// CountTokens counts the tokens of a text alone, or of a whole chat.
func (c *Client) CountTokens(
	ctx context.Context, request *weirv1.CountTokensRequest, opts ...grpc.CallOption,
) (*weirv1.CountTokensResponse, error) {
	return c.Providers.CountTokens(ctx, request, opts...)
}

func streamOptions(opts []grpc.CallOption) *weirv1.StreamOptions {
	var how *weirv1.StreamOptions
	for _, option := range opts {
		if told, ours := option.(fact); ours && told.stream != nil {
			how = told.stream
		}
	}
	return how
}
