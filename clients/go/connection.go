package weir

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

const (
	userAgent       = "weir-client-go/" + Version
	maxMessageBytes = 32 << 20
)

// Only UNAVAILABLE is repeated: it says that nothing of an answer was given. On a stream gRPC
// itself stops repeating once the server's first bytes are there. Half of the last calls failing
// stops repeats, so that they never feed an outage.
const serviceConfig = `{
	"loadBalancingConfig": [{"round_robin": {}}],
	"methodConfig": [{
		"name": [{}],
		"retryPolicy": {
			"maxAttempts": 3,
			"initialBackoff": "0.2s",
			"maxBackoff": "2s",
			"backoffMultiplier": 2,
			"retryableStatusCodes": ["UNAVAILABLE"]
		}
	}],
	"retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}
}`

// TLSFiles names the files of TLS, PEM.
type TLSFiles struct {
	// CA holds the certificates to trust in place of the system's. Empty: the system's.
	CA string
	// Cert and Key are this client's own, for servers that ask for one (mTLS); both or neither.
	Cert, Key string
	// ServerName is the name that the server's certificate must carry. Empty: the address's own.
	ServerName string
}

// config reads the files.
func (f TLSFiles) config() (*tls.Config, error) {
	if (f.Cert == "") != (f.Key == "") {
		return nil, fmt.Errorf("weir: TLSFiles needs Cert and Key together, or neither")
	}
	config := &tls.Config{ServerName: f.ServerName, MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("weir: the CA cannot be read: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("weir: %s holds no certificate in PEM form", f.CA)
		}
	}
	if f.Cert != "" {
		own, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("weir: the client's certificate cannot be used: %w", err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}

// endpoint is where a server is, in gRPC's own form, and whether TLS is due unless told otherwise.
type endpoint struct {
	target string
	scheme string // "http", "https", or empty
	tls    bool
}

// parseAddress reads "host:port", "https://host:port", "http://host:port" or "unix:/path".
func parseAddress(address string) (endpoint, error) {
	if strings.HasPrefix(address, "unix:") {
		return endpoint{target: address}, nil
	}
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		scheme, rest = "", address
	} else if scheme != "http" && scheme != "https" {
		return endpoint{}, fmt.Errorf(
			"weir: %q has an unknown scheme; use https://, http:// or unix:/path", address)
	}
	parts, err := url.Parse("//" + rest)
	if err != nil || parts.Hostname() == "" || strings.Trim(parts.Path, "/") != "" ||
		parts.RawQuery != "" || parts.User != nil {
		return endpoint{}, fmt.Errorf(
			"weir: %q is no address; use host:port, such as weir.example:443", address)
	}
	port := parts.Port()
	if port == "" && scheme == "https" {
		port = "443"
	}
	if port == "" {
		return endpoint{}, fmt.Errorf(
			"weir: %q names no port; use host:port, such as %s:50051", address, address)
	}
	host := parts.Hostname()
	return endpoint{
		target: net.JoinHostPort(host, port),
		scheme: scheme,
		tls:    scheme == "https" || (scheme == "" && !isLoopback(host)),
	}, nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// credentials says how the connection is secured: as the options say, or else the address.
func (e endpoint) credentials(o *options) (credentials.TransportCredentials, error) {
	secured := o.tls != nil || o.files != nil
	if (secured && e.scheme == "http") || (o.plaintext && e.scheme == "https") ||
		(secured && o.plaintext) || (o.tls != nil && o.files != nil) {
		return nil, fmt.Errorf("weir: the address and the options contradict each other about " +
			"TLS; keep one of them")
	}
	switch {
	case o.files != nil:
		config, err := o.files.config()
		return credentials.NewTLS(config), err
	case o.tls != nil:
		return credentials.NewTLS(o.tls), nil
	case e.tls && !o.plaintext:
		return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12}), nil
	}
	return insecure.NewCredentials(), nil
}

// dialOptions are the settings of the connection.
func dialOptions(maxReceiveBytes int) []grpc.DialOption {
	reconnect := backoff.DefaultConfig
	reconnect.MaxDelay = 10 * time.Second // gRPC's own is two minutes; a server is back sooner
	return []grpc.DialOption{
		grpc.WithUserAgent(userAgent),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDisableServiceConfig(), // names are resolved without asking for a TXT record
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(maxReceiveBytes),
			grpc.MaxCallSendMsgSize(maxMessageBytes),
			grpc.MaxRetryRPCBufferSize(maxMessageBytes), // a larger request is never repeated
		),
		// Pings only while a call is open: a dead peer is noticed, an idle one left alone.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time:    30 * time.Second,
			Timeout: 10 * time.Second,
		}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           reconnect,
			MinConnectTimeout: 20 * time.Second,
		}),
	}
}
