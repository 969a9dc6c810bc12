/** How is a server reached? An address, TLS, and the settings of the channel. */
import { readFileSync } from "node:fs";
import { credentials } from "@grpc/grpc-js";
import type { ChannelCredentials, ClientOptions as ChannelOptions } from "@grpc/grpc-js";
import { VERSION } from "./version.js";

/** The largest message that a client sends, and takes unless told otherwise. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** What the client calls itself. */
export const USER_AGENT = `weir-client-typescript/${VERSION}`;

// Only UNAVAILABLE is repeated: it says that nothing of an answer was given. On a stream gRPC
// itself stops repeating once the server's first bytes are there. Half of the last calls failing
// stops repeats, so that they never feed an outage.
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
  retryThrottling: { maxTokens: 10, tokenRatio: 0.1 },
};

/** Files of TLS, PEM. */
export interface TlsFiles {
  /** Certificates to trust in place of the system's. Absent: the system's. */
  readonly ca?: string;
  /** This client's own certificate, for servers that ask for one (mTLS); only with `key`. */
  readonly cert?: string;
  /** The key of `cert`. */
  readonly key?: string;
  /** The name that the server's certificate must carry. Absent: the address's own. */
  readonly serverName?: string;
}

/** Where a server is and how to speak to it, in gRPC's own form. */
export interface Connection {
  readonly target: string;
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/**
 * Reads an address: "host:port", "https://host:port", "http://host:port" or "unix:/path".
 *
 * Throws an Error for an address of another form, one whose scheme contradicts `tls`, a file that
 * cannot be read, or a limit that lets nothing in.
 */
export function connection(
  address: string,
  tls: boolean | TlsFiles | undefined,
  maxReceiveBytes: number = MAX_MESSAGE_BYTES,
): Connection {
  if (!(maxReceiveBytes >= 1)) {
    throw new RangeError(`maxReceiveBytes must be above 0, not ${maxReceiveBytes}.`);
  }
  const { target, files } = resolved(address, tls);
  return {
    target,
    credentials: files === undefined ? credentials.createInsecure() : secured(files),
    options: {
      "grpc.primary_user_agent": USER_AGENT,
      "grpc.service_config": JSON.stringify(SERVICE_CONFIG),
      "grpc.service_config_disable_resolution": 1, // a name is not asked for a TXT record
      "grpc.enable_retries": 1,
      // A request larger than this buffer is never repeated; grpc-js shares the other among calls.
      "grpc.per_rpc_retry_buffer_size": MAX_MESSAGE_BYTES,
      "grpc.retry_buffer_size": 2 * MAX_MESSAGE_BYTES,
      "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
      "grpc.max_receive_message_length": maxReceiveBytes,
      // Pings only while a call is open: a dead peer is noticed, an idle one left alone.
      "grpc.keepalive_time_ms": 30_000,
      "grpc.keepalive_timeout_ms": 10_000,
      "grpc.keepalive_permit_without_calls": 0,
      // gRPC's own upper bound is two minutes; a server that is back should be found sooner.
      "grpc.max_reconnect_backoff_ms": 10_000,
      ...(files?.serverName !== undefined && {
        "grpc.ssl_target_name_override": files.serverName,
      }),
    },
  };
}

function resolved(
  address: string,
  tls: boolean | TlsFiles | undefined,
): { target: string; files: TlsFiles | undefined } {
  if (address.startsWith("unix:")) return { target: address, files: filesOf(tls, false) };
  const at = address.indexOf("://");
  const scheme = at < 0 ? "" : address.slice(0, at);
  const rest = at < 0 ? address : address.slice(at + 3);
  if (at >= 0 && scheme !== "http" && scheme !== "https") {
    throw new TypeError(`"${address}" has an unknown scheme; use https://, http:// or unix:.`);
  }
  const [, host, port = scheme === "https" ? "443" : undefined] =
    /^(\[[\da-fA-F:.]+\]|[^\s:/?#@[\]]+)(?::(\d{1,5}))?\/?$/.exec(rest) ?? [];
  if (host === undefined || Number(port) > 65535) {
    throw new TypeError(`"${address}" is no address; use host:port, such as weir.example:443.`);
  }
  if (port === undefined) {
    throw new TypeError(`"${address}" names no port; use host:port, such as ${host}:50051.`);
  }
  if ((scheme === "http" && tls) || (scheme === "https" && tls === false)) {
    throw new TypeError(`"${address}" contradicts the option tls; leave one of the two out.`);
  }
  const encrypted = scheme === "https" || (scheme === "" && !isLoopback(host));
  return { target: `${host}:${port}`, files: filesOf(tls, encrypted) };
}

function filesOf(tls: boolean | TlsFiles | undefined, encrypted: boolean): TlsFiles | undefined {
  if (typeof tls === "object") return tls;
  return (tls ?? encrypted) ? {} : undefined;
}

function secured({ ca, cert, key }: TlsFiles): ChannelCredentials {
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("tls needs cert and key together, or neither.");
  }
  return credentials.createSsl(contents(ca), contents(key), contents(cert));
}

function contents(file: string | undefined): Buffer | null {
  return file === undefined ? null : readFileSync(file);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}
