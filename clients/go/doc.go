// Package weir is the Go client of Weir, the gRPC gateway to language models.
//
// A Client makes calls with sane defaults: a deadline for each, retries while nothing of an answer
// was given, calls spread over all addresses of a name, keepalive, TLS. Stream reads an answer as it
// is written, and gathers it into the one that the unary call would give. Error says what went wrong
// and what to do next.
//
// The messages are those of package weirv1, weir.example/go/weir/v1; the operators' calls are in
// weir.example/go/weir/admin/v1.
package weir
