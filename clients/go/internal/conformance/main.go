// Command conformance plays what the conformance kit asks of every client: a JSON line for each
// call on stdin, a JSON line for what came of it on stdout, in order, each with a client of its own.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	weir "weir.example/go"
)

// contractVersion is the version of proto/ that the stubs were made from.
const contractVersion = "0.1.0"

// ask is a line of the input.
type ask struct {
	ID         string          `json:"id"`
	Do         string          `json:"do"`
	Connection connection      `json:"connection"`
	Method     string          `json:"method"`
	Request    json.RawMessage `json:"request"`
	TimeoutMS  int64           `json:"timeout_ms"`
	Metadata   [][2]string     `json:"metadata"`

	CancelAfterMessages  *int   `json:"cancel_after_messages"`
	CancelAfterMS        *int64 `json:"cancel_after_ms"`
	AbandonAfterMessages *int   `json:"abandon_after_messages"`
	PauseAfterMessages   *pause `json:"pause_after_messages"`
}

type pause struct {
	Count int   `json:"count"`
	MS    int64 `json:"ms"`
}

type connection struct {
	Target          string  `json:"target"`
	APIKey          *string `json:"api_key"`
	MaxReceiveBytes *int    `json:"max_receive_bytes"`
	TLS             *struct {
		CA         string `json:"ca"`
		Cert       string `json:"cert"`
		Key        string `json:"key"`
		ServerName string `json:"server_name"`
	} `json:"tls"`
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func serve(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	print := json.NewEncoder(out)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var asked ask
			if err := json.Unmarshal(line, &asked); err != nil {
				return fmt.Errorf("a line is no JSON of a call: %w", err)
			}
			if leave, err := answer(&asked, print); leave || err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// answer does what a line asks. leave: the program is to end at once, as it stands.
func answer(asked *ask, print *json.Encoder) (leave bool, err error) {
	if asked.Do == "describe" {
		return false, print.Encode(map[string]string{
			"id":               asked.ID,
			"language":         "go",
			"client_version":   weir.Version,
			"contract_version": contractVersion,
			"runtime":          runtime.Version() + ", grpc-go " + grpc.Version,
		})
	}
	method, known := methods[asked.Method]
	if !known {
		return false, fmt.Errorf("%q is no method that this driver knows", asked.Method)
	}
	seen := &record{asked: asked}
	client, err := dial(asked.Connection, seen)
	if err != nil {
		return false, err
	}
	ctx, cancel := asked.context()
	began := time.Now()
	folded, err := method(ctx, cancel, client, seen)
	if errors.Is(err, errLeft) {
		err = nil
		leave = asked.Do == "exit_with_open_stream"
	} else {
		cancel()
		// A stream that was left must end without this: what was left keeps its client.
		defer client.Close()
	}
	reported, failed := seen.report(folded, err)
	if failed != nil {
		return false, failed
	}
	reported.ElapsedMS = time.Since(began).Milliseconds()
	return leave, print.Encode(reported)
}

func dial(to connection, seen *record) (*weir.Client, error) {
	opts := []weir.Option{weir.WithDialOptions(
		grpc.WithChainUnaryInterceptor(seen.unary),
		grpc.WithChainStreamInterceptor(seen.stream),
	)}
	if to.APIKey != nil {
		opts = append(opts, weir.WithAPIKey(*to.APIKey))
	}
	if to.MaxReceiveBytes != nil {
		opts = append(opts, weir.WithMaxReceiveBytes(*to.MaxReceiveBytes))
	}
	if to.TLS != nil {
		opts = append(opts, weir.WithTLSFiles(weir.TLSFiles{
			CA:         to.TLS.CA,
			Cert:       to.TLS.Cert,
			Key:        to.TLS.Key,
			ServerName: to.TLS.ServerName,
		}))
	}
	return weir.NewClient(to.Target, opts...)
}

// context gives the call its metadata, its time, and what cancels it.
func (a *ask) context() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	if a.TimeoutMS > 0 {
		timeout := time.Duration(a.TimeoutMS) * time.Millisecond
		stop := cancel
		bounded, expire := context.WithTimeout(ctx, timeout)
		ctx, cancel = bounded, func() { expire(); stop() }
	}
	for _, pair := range a.Metadata {
		ctx = metadata.AppendToOutgoingContext(ctx, pair[0], pair[1])
	}
	if a.CancelAfterMS != nil {
		time.AfterFunc(time.Duration(*a.CancelAfterMS)*time.Millisecond, cancel)
	}
	return ctx, cancel
}
