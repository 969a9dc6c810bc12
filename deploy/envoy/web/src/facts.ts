// How are usage and cost told to people? In one line, and money without rounding.

import { type ChatResponse, type Cost, FinishReason, type TokenUsage } from "weir-client/v1";

/** Say how an answer ended, and what it used. */
export function factsOf({ finishReason, usage, metadata }: ChatResponse): string {
  const latency = metadata?.latency;
  const seconds = latency && Number(latency.seconds) + latency.nanos / 1e9;
  return [
    (FinishReason[finishReason] ?? "OTHER").toLowerCase().replaceAll("_", " "),
    ...usageOf(usage),
    ...(seconds === undefined ? [] : [`${seconds.toFixed(2)} s`]),
    metadata?.model ?? "",
  ].join(" · ");
}

/** Say what was used: tokens in and out, and their cost. */
export function usageOf(usage: TokenUsage | undefined): string[] {
  if (!usage) return [];
  return [`${usage.promptTokens} + ${usage.completionTokens} tokens`, money(usage.cost)];
}

/** Nanos of a currency, digit by digit: a number would round. */
export function money(cost: Cost | undefined): string {
  if (!cost) return "price not known";
  const digits = cost.totalNanos.toString().padStart(10, "0");
  const fraction = digits.slice(-9).replace(/0+$/, "").padEnd(2, "0");
  return `${digits.slice(0, -9)}.${fraction} ${cost.currencyCode}`;
}
