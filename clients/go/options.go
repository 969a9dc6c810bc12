package weir

import (
	"context"
	"crypto/tls"
	"fmt"
	"regexp"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	weirv1 "weir.example/go/weir/v1"
)

// Option is a setting of a client.
type Option func(*options)

type options struct {
	apiKey          *string
	plaintext       bool
	tls             *tls.Config
	files           *TLSFiles
	timeout         time.Duration
	streamTimeout   time.Duration
	maxReceiveBytes int
	dial            []grpc.DialOption
}

// WithAPIKey sends the Weir key with each call.
func WithAPIKey(key string) Option { return func(o *options) { o.apiKey = &key } }

// WithPlaintext leaves TLS out. Without an option, TLS is on unless the address is on this machine
// or begins with http://.
func WithPlaintext() Option { return func(o *options) { o.plaintext = true } }

// WithTLS uses TLS with a configuration of your own.
func WithTLS(config *tls.Config) Option { return func(o *options) { o.tls = config } }

// WithTLSFiles uses TLS with certificates from files, read once by NewClient.
func WithTLSFiles(files TLSFiles) Option { return func(o *options) { o.files = &files } }

// WithTimeout bounds a call whose context has no deadline of its own; 60 s without this option.
// There is always a deadline.
func WithTimeout(timeout time.Duration) Option { return func(o *options) { o.timeout = timeout } }

// WithStreamTimeout is WithTimeout for streams; 300 s without this option.
func WithStreamTimeout(timeout time.Duration) Option {
	return func(o *options) { o.streamTimeout = timeout }
}

// WithMaxReceiveBytes bounds the size of a received message; 32 MiB without this option.
func WithMaxReceiveBytes(bytes int) Option { return func(o *options) { o.maxReceiveBytes = bytes } }

// WithDialOptions adds options of gRPC's own, such as interceptors or a stats handler; they come
// after the client's.
func WithDialOptions(dial ...grpc.DialOption) Option {
	return func(o *options) { o.dial = append(o.dial, dial...) }
}

func gather(given []Option) (*options, error) {
	o := &options{
		timeout:         60 * time.Second,
		streamTimeout:   300 * time.Second,
		maxReceiveBytes: maxMessageBytes,
	}
	for _, option := range given {
		option(o)
	}
	if o.timeout <= 0 || o.streamTimeout <= 0 {
		return nil, fmt.Errorf("weir: a timeout must be above 0")
	}
	if o.maxReceiveBytes <= 0 {
		return nil, fmt.Errorf("weir: the size of a received message must be above 0")
	}
	if o.apiKey != nil && (!printable.MatchString(*o.apiKey) || strings.TrimSpace(*o.apiKey) == "") {
		return nil, fmt.Errorf("weir: the API key must be printable ASCII; is there a line end in it?")
	}
	return o, nil
}

// fact is a call option that the client itself reads: a pair of metadata or the stream's options.
type fact struct {
	grpc.EmptyCallOption
	name, value string
	rule        *regexp.Regexp
	said        string
	stream      *weirv1.StreamOptions
}

// RequestID names the call, to be found again in the server's logs and in errors: 1 to 64 letters,
// digits or any of . _ : / + = -
func RequestID(id string) grpc.CallOption {
	return fact{name: "weir-request-id", value: id, rule: requestID,
		said: "the request id must be 1 to 64 letters, digits or any of . _ : / + = -"}
}

// IdempotencyKey makes a call safe to repeat: one with the same key and request is not run twice,
// but given the first run's answer. Up to 64 visible ASCII characters.
func IdempotencyKey(key string) grpc.CallOption {
	return fact{name: "weir-idempotency-key", value: key, rule: idempotencyKey,
		said: "the idempotency key must be 1 to 64 visible ASCII characters"}
}

// Priority says who waits for whom when the server is busy: "interactive", "standard" or
// "background".
func Priority(priority string) grpc.CallOption {
	return fact{name: "weir-priority", value: priority, rule: priorities,
		said: "the priority must be interactive, standard or background"}
}

// WithStreamOptions says how a stream is to be sent: StreamChat and StreamComplete take it.
func WithStreamOptions(how *weirv1.StreamOptions) grpc.CallOption { return fact{stream: how} }

// Checked here, for gRPC would call it an internal error of the server that never saw the call.
var (
	requestID      = regexp.MustCompile(`^[A-Za-z0-9._:/+=-]{1,64}$`)
	idempotencyKey = regexp.MustCompile(`^[\x21-\x7e]{1,64}$`)
	priorities     = regexp.MustCompile(`^(interactive|standard|background)$`)
	printable      = regexp.MustCompile(`^[\x20-\x7e]*$`)
	metadataName   = regexp.MustCompile(`^[0-9a-z_.-]+$`)
)

// outgoing adds the client's metadata and what the options say to a call's context; it fails on
// what cannot be sent. Values stay out of errors: one may be a secret.
func outgoing(ctx context.Context, own metadata.MD, opts []grpc.CallOption) (context.Context, error) {
	given, _ := metadata.FromOutgoingContext(ctx)
	for name, values := range given {
		if !metadataName.MatchString(name) {
			return nil, fmt.Errorf("weir: the metadata name %q must be lower-case letters, digits "+
				"or any of _ . -", name)
		}
		for _, value := range values {
			if !strings.HasSuffix(name, "-bin") && !printable.MatchString(value) {
				return nil, fmt.Errorf("weir: the metadata %s must have printable ASCII as its "+
					"value; bytes need a name that ends in -bin", name)
			}
		}
	}
	sent := metadata.Join(own, given)
	for _, option := range opts {
		told, ours := option.(fact)
		if !ours || told.name == "" {
			continue
		}
		if !told.rule.MatchString(told.value) {
			return nil, fmt.Errorf("weir: %s, not %q", told.said, told.value)
		}
		sent.Append(told.name, told.value)
	}
	return metadata.NewOutgoingContext(ctx, sent), nil
}
