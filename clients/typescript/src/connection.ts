/**
 * How is a server reached? An address, TLS, and the settings of the channel.
 *
 * @packageDocumentation
 */

import { readFileSync } from "node:fs";

import { type ChannelCredentials, type ChannelOptions, credentials } from "@grpc/grpc-js";

import { VERSION } from "./version.js";

/** How the client calls itself, in `user-agent` and in `weir-client`. */
export const NAME = `weir-client-typescript/${VERSION}`;
/** The largest message to send, and to take unless told otherwise. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

// Only UNAVAILABLE is repeated: it says that nothing of an answer was given. On a stream gRPC itself
// stops repeating once the server's first bytes are there.
const SERVICE_CONFIG = {
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 3,
        initialBackoff: "0.2s",
        maxBackoff: "2s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
  // Half of the last calls failing stops repeats, so that they never feed an outage.
  retryThrottling: { maxTokens: 10, tokenRatio: 0.1 },
};

/** Files of TLS, PEM. */
export interface TlsFiles {
  /** Certificates to trust in place of the system's. */
  readonly ca?: string | URL | undefined;
  /** This client's own certificate, for servers that ask for one (mTLS); with `key`. */
  readonly cert?: string | URL | undefined;
  /** The certificate's key; with `cert`. */
  readonly key?: string | URL | undefined;
}

/** Where a server is and how to speak to it, in gRPC's own form. */
export interface Connection {
  readonly target: string;
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/**
 * Read an address and the files of TLS.
 *
 * @throws RangeError for an address of another form, one whose scheme contradicts `tls`, or a limit
 *   that lets nothing in.
 */
export function connection(
  address: string,
  tls: boolean | TlsFiles | undefined,
  maxReceiveBytes: number = MAX_MESSAGE_BYTES,
): Connection {
  if (!(maxReceiveBytes >= 1)) throw new RangeError(`maxReceiveBytes must be above 0, not ${maxReceiveBytes}.`);
  const { target, secure } = targetOf(address, tls);
  const files = typeof tls === "object" ? tls : {};
  return {
    target,
    credentials: secure ? secured(files) : credentials.createInsecure(),
    options: { ...channelOptions(), "grpc.max_receive_message_length": maxReceiveBytes },
  };
}

function channelOptions(): ChannelOptions {
  return {
    "grpc.primary_user_agent": NAME,
    "grpc.service_config": JSON.stringify(SERVICE_CONFIG),
    "grpc.service_config_disable_resolution": 1, // what DNS says is not to replace it
    "grpc.enable_retries": 1,
    // A request larger than this buffer is never repeated.
    "grpc.per_rpc_retry_buffer_size": MAX_MESSAGE_BYTES,
    "grpc.retry_buffer_size": 2 * MAX_MESSAGE_BYTES, // of all calls; gRPC's own is less than one may need
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    // Pings only while a call is open: a dead peer is noticed, an idle one left alone.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.keepalive_permit_without_calls": 0,
    // gRPC's own upper bound is two minutes; a server that is back should be found sooner.
    "grpc.max_reconnect_backoff_ms": 10_000,
    // Connections are a client's own, so that closing it closes them.
    "grpc.use_local_subchannel_pool": 1,
  };
}

function targetOf(address: string, tls: boolean | TlsFiles | undefined): { target: string; secure: boolean } {
  if (address.startsWith("unix:")) return { target: address, secure: Boolean(tls) };
  const at = address.indexOf("://");
  const scheme = at < 0 ? "" : address.slice(0, at);
  const rest = at < 0 ? address : address.slice(at + 3);
  if (at >= 0 && scheme !== "http" && scheme !== "https") {
    throw new RangeError(`"${address}" has an unknown scheme; use https://, http:// or unix:.`);
  }
  const parts = hostAndPort(rest);
  if (parts === undefined) {
    throw new RangeError(`"${address}" is no address; use host:port, such as weir.example:443.`);
  }
  const port = parts.port || (scheme === "https" ? "443" : "");
  if (!port) throw new RangeError(`"${address}" names no port; use host:port, such as ${address}:50051.`);
  if ((scheme === "http" && tls) || (scheme === "https" && tls === false)) {
    throw new RangeError(`"${address}" contradicts tls=${JSON.stringify(tls)}; leave one of the two out.`);
  }
  const byDefault = scheme === "https" || (!scheme && !isLoopback(parts.hostname));
  return { target: `${parts.hostname}:${port}`, secure: tls === undefined ? byDefault : Boolean(tls) };
}

function hostAndPort(text: string): { hostname: string; port: string } | undefined {
  // A scheme that URL has no rules for keeps it from leaving ports out.
  const url = URL.canParse(`weir://${text}`) ? new URL(`weir://${text}`) : undefined;
  if (!url?.hostname || !["", "/"].includes(url.pathname) || url.search || url.hash || url.username) return undefined;
  return url;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function secured({ ca, cert, key }: TlsFiles): ChannelCredentials {
  if ((cert === undefined) !== (key === undefined)) {
    throw new RangeError("TLS files need cert and key together, or neither.");
  }
  return credentials.createSsl(read(ca), read(key), read(cert));
}

function read(file: string | URL | undefined): Buffer | null {
  return file === undefined ? null : readFileSync(file);
}
