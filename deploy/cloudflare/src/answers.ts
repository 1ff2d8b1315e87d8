/** What is answered in the place of a server that cannot: the same kind of problem as the server's own (RFC 9457). */

const RETRY_SECONDS = 5;

/** The request has not reached the server, or only reads: it may be sent again. */
export function unavailable(request: Request): Response {
  const detail = `The server is being started or replaced. Send the request again in ${RETRY_SECONDS} seconds.`;
  return problem(request, 503, "starting", "Starting", detail, { "Retry-After": `${RETRY_SECONDS}` });
}

/** The server may have carried the request out. */
export function lost(request: Request): Response {
  if (request.method === "GET" || request.method === "HEAD") return unavailable(request);
  const detail = "The server ended before it had answered. Look whether the request was carried out before sending it again.";
  return problem(request, 502, "answer_lost", "Answer lost", detail);
}

/** Whether the server itself answered: it names every answer. */
export function isOfServer(response: Response): boolean {
  return response.headers.has("X-Request-Id");
}

function problem(request: Request, status: number, code: string, title: string, detail: string, headers = {}): Response {
  const body = { type: `urn:autoforge:problem:${code}`, title, status, detail, instance: new URL(request.url).pathname };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/problem+json", "Cache-Control": "no-store", ...headers },
  });
}
