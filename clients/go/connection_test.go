package weir

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	weirv1 "weir.example/go/weir/v1"
)

// TLS is on unless the address is on this machine or says otherwise.
func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		address, target string
		tls             bool
	}{
		{"localhost:50051", "localhost:50051", false},
		{"127.0.0.1:1", "127.0.0.1:1", false},
		{"[::1]:1", "[::1]:1", false},
		{"weir.example:443", "weir.example:443", true},
		{"10.0.0.1:1", "10.0.0.1:1", true},
		{"https://weir.example", "weir.example:443", true},
		{"https://localhost:1/", "localhost:1", true},
		{"http://weir.example:80", "weir.example:80", false},
		{"unix:/run/weir.sock", "unix:/run/weir.sock", false},
	} {
		got, err := parseAddress(c.address)
		if err != nil || got.target != c.target || got.tls != c.tls {
			t.Errorf("%s is %+v, %v", c.address, got, err)
		}
	}
}

// What cannot be is refused before a connection is made, in words that help.
func TestClientRefuses(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		address string
		option  Option
		said    string
	}{
		{"ftp://weir.example:1", nil, "unknown scheme"},
		{"weir.example", nil, "names no port"},
		{"user@weir.example:1", nil, "is no address"},
		{"weir.example:1/path", nil, "is no address"},
		{"http://weir.example:1", WithTLS(&tls.Config{}), "contradict"},
		{"https://weir.example", WithPlaintext(), "contradict"},
		{"localhost:1", WithTLSFiles(TLSFiles{Cert: "c"}), "Cert and Key together"},
		{"localhost:1", WithTLSFiles(TLSFiles{CA: "/no/such/file"}), "cannot be read"},
		{"localhost:1", WithTLSFiles(TLSFiles{CA: empty}), "no certificate in PEM"},
		{"localhost:1", WithTLSFiles(TLSFiles{Cert: empty, Key: empty}), "cannot be used"},
		{"localhost:1", WithAPIKey("key\n"), "line end"},
		{"localhost:1", WithAPIKey(" "), "printable ASCII"},
		{"localhost:1", WithTimeout(0), "above 0"},
		{"localhost:1", WithStreamTimeout(-time.Second), "above 0"},
		{"localhost:1", WithMaxReceiveBytes(0), "above 0"},
	} {
		var opts []Option
		if c.option != nil {
			opts = append(opts, c.option)
		}
		_, err := NewClient(c.address, opts...)
		if err == nil || !strings.Contains(err.Error(), c.said) {
			t.Errorf("%s: got %v, not %q", c.address, err, c.said)
		}
		if err != nil && strings.Contains(err.Error(), "key\n") {
			t.Errorf("the key is in the error: %v", err)
		}
	}
}

// What cannot be sent is refused before the call, and is no *Error.
func TestCallRefuses(t *testing.T) {
	client := Must(NewClient("localhost:1"))
	defer client.Close()
	odd := metadata.AppendToOutgoingContext(t.Context(), "x-secret", "caf\u00e9")
	named := metadata.AppendToOutgoingContext(t.Context(), "x secret", "a")
	for said, call := range map[string]func() error{
		"request id": func() error {
			_, err := client.Chat(t.Context(), Ask("a"), RequestID("a b"))
			return err
		},
		"idempotency key": func() error {
			_, err := client.StreamChat(t.Context(), Ask("a"), IdempotencyKey("")).Response()
			return err
		},
		"priority": func() error {
			_, err := client.Chat(t.Context(), Ask("a"), Priority("urgent"))
			return err
		},
		"x-secret": func() error { _, err := client.Chat(odd, Ask("a")); return err },
		"x secret": func() error { _, err := client.Chat(named, Ask("a")); return err },
	} {
		err := call()
		var told *Error
		if err == nil || errors.As(err, &told) || !strings.Contains(err.Error(), said) ||
			strings.Contains(err.Error(), "café") {
			t.Errorf("%s: got %v", said, err)
		}
	}
}

// A call has 60 s, or what its context says.
func TestDeadlines(t *testing.T) {
	var left time.Duration
	client, _ := serve(t, &script{
		chat: func(ctx context.Context, _ *weirv1.ChatRequest) (*weirv1.ChatResponse, error) {
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			return &weirv1.ChatResponse{}, nil
		},
	})
	short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for ctx, want := range map[context.Context]time.Duration{
		t.Context(): 60 * time.Second, short: 5 * time.Second,
	} {
		if _, err := client.Chat(ctx, Ask("a")); err != nil {
			t.Fatal(err)
		}
		if left > want || left < want-2*time.Second {
			t.Errorf("the call has %v, not %v", left, want)
		}
	}
}

// No server is an ErrUnavailable, and a closed client says so.
func TestNoServer(t *testing.T) {
	client := Must(NewClient("127.0.0.1:1"))
	if _, err := client.Chat(t.Context(), Ask("a")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Chat(t.Context(), Ask("a")); err == nil ||
		!strings.Contains(err.Error(), "this client is closed") {
		t.Errorf("got %v", err)
	}
}

// An answer larger than the client allows is the caller's to mend.
func TestMessageTooLarge(t *testing.T) {
	client, _ := serve(t, &script{
		chat: func(context.Context, *weirv1.ChatRequest) (*weirv1.ChatResponse, error) {
			return &weirv1.ChatResponse{Message: Assistant(strings.Repeat("a", 2048))}, nil
		},
	}, WithMaxReceiveBytes(1024))
	if _, err := client.Chat(t.Context(), Ask("a")); !errors.Is(err, ErrInvalidRequest) {
		t.Errorf("got %v", err)
	}
}
