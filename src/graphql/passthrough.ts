/** Passthrough: one HTTP request to an integration with a connection's credential, as query and as mutation. */
import type { GatewayAnswer } from '../gateway/gateway.ts'
import type { PassthroughInput, PassthroughOptions } from '../passthrough/request.ts'
import { builder } from './builder.ts'
import { ConnectionType } from './connections.ts'
import { ArrayFormat, BodyFormat, HttpMethod } from './http-enums.ts'

const HttpHeader = builder.objectRef<{ name: string; value: string }>('HttpHeader').implement({
  description: 'One header of an answer, as the vendor sent it. Repeated headers are repeated here, in order.',
  fields: t => ({
    name: t.exposeString('name', { description: 'The name in the vendor’s own spelling.' }),
    value: t.exposeString('value', { description: 'The value, unchanged.' }),
  }),
})

export const PassthroughResult = builder.objectRef<GatewayAnswer>('PassthroughResult').implement({
  description: 'What the vendor answered. A 404 or a 500 of the vendor is a result, too; errors are the gateway’s own.',
  fields: t => ({
    status: t.int({ description: 'The HTTP status.', resolve: ({ response }) => response.status }),
    ok: t.boolean({
      description: 'True for a status from 200 to 299.',
      resolve: ({ response }) => response.status >= 200 && response.status < 300,
    }),
    headers: t.field({
      type: [HttpHeader],
      description:
        'Every header, in the vendor’s order. A body that was compressed is decoded and loses the two headers that described it.',
      resolve: ({ response }) => response.headers,
    }),
    header: t.string({
      nullable: true,
      description: 'One header by name, in any case; several values are joined by a comma (RFC 9110, section 5.3).',
      args: { name: t.arg.string({ required: true, description: 'The header’s name.' }) },
      resolve: ({ response }, { name }) => response.header(name) ?? null,
    }),
    contentType: t.string({
      nullable: true,
      description: 'The header `content-type`.',
      resolve: ({ response }) => response.contentType ?? null,
    }),
    body: t.field({
      type: 'JSON',
      nullable: true,
      description:
        'The JSON body exactly as sent: digits, key order and spelling survive. Null when it is empty or not JSON.',
      resolve: ({ response }) => response.json(),
    }),
    text: t.string({
      nullable: true,
      description: 'The body as text, by the charset of its content type (UTF-8 when none is named).',
      resolve: ({ response }) => response.text(),
    }),
    base64: t.string({
      nullable: true,
      description: 'The body’s bytes in base64.',
      resolve: ({ response }) => response.base64(),
    }),
    json: t.field({
      type: 'JSON',
      nullable: true,
      description:
        'A JSONPath query (RFC 9535) over the JSON body: the list of matched values, each exactly as sent. Null when the body is not JSON.',
      args: { path: t.arg.string({ required: true, description: 'For example `$.data[*].id`.' }) },
      resolve: ({ response }, { path }, { operation }) =>
        operation().compute(timeoutMs => response.select(path, timeoutMs)),
    }),
    sizeBytes: t.int({
      description: 'Bytes of the body, after decoding.',
      resolve: ({ response }) => response.sizeBytes,
    }),
    attempts: t.int({
      description: 'How many requests were sent for this answer.',
      resolve: ({ outcome }) => outcome.attempts,
    }),
    durationMs: t.float({
      description: 'Milliseconds from the start of the call to the last byte of its answer.',
      resolve: ({ outcome }) => outcome.durationMs,
    }),
    connection: t.field({
      type: ConnectionType,
      description: 'The connection whose credential was used.',
      resolve: ({ connection }) => connection,
    }),
  }),
})

const PassthroughOptionsInput = builder.inputType('PassthroughOptions', {
  description: 'How a request is built and bounded. Every field has a default that is right for most calls.',
  fields: t => ({
    baseUrl: t.string({ description: 'Overrides the base URL; must lie inside the integration’s pinned hosts.' }),
    pathParams: t.field({
      type: 'JSONObject',
      description: 'Values for `{name}` placeholders in `path`, percent-encoded as one segment each.',
    }),
    bodyFormat: t.field({
      type: BodyFormat,
      description:
        'How `body` is written. When absent: by the header `content-type`, else text as it is and all else as JSON.',
    }),
    arrayFormat: t.field({
      type: ArrayFormat,
      description: 'How arrays in `query` and in form bodies are written. When absent: what the integration prefers.',
    }),
    timeoutMs: t.int({ description: 'Milliseconds for the whole call, 1 to 300,000; 30,000 when absent.' }),
    maxResponseBytes: t.int({
      description:
        'Bytes of the answer after decoding, 1 to 52,428,800; 10,485,760 when absent. More is `RESPONSE_TOO_LARGE`.',
    }),
  }),
})

/** The arguments that say what to send, without the connection. */
export interface RequestArgs {
  readonly method: PassthroughInput['method']
  readonly path: string
  readonly query?: Record<string, unknown> | null
  readonly headers?: Record<string, unknown> | null
  readonly body?: unknown
  readonly options?: { readonly [name in keyof PassthroughOptions]?: PassthroughOptions[name] | null } | null
}

/** GraphQL's nulls as the core's absences. */
export function requestOf(args: RequestArgs): Omit<PassthroughInput, 'mode'> {
  const options = Object.entries(args.options ?? {}).filter(([, value]) => value !== null)
  return {
    method: args.method,
    path: args.path,
    query: args.query ?? undefined,
    headers: args.headers ?? undefined,
    body: args.body ?? undefined,
    options: Object.fromEntries(options),
  }
}

builder.queryField('passthrough', t =>
  t.field({
    type: PassthroughResult,
    nullable: true,
    description:
      'Sends a safe request (GET, HEAD, OPTIONS) with a connection’s credential. Name the connection by id, or by integration and end user. Equal reads of one operation are sent once. Scope: passthrough:read.',
    args: {
      ...selectorArgs(),
      method: t.arg({ type: HttpMethod, required: true, defaultValue: 'GET', description: 'GET, HEAD or OPTIONS.' }),
      ...requestArgs(),
      body: t.arg({ type: 'JSON', description: 'A body, for the few APIs that read one with GET.' }),
    },
    resolve: (_root, args, { services, operation }) => services.gateway.query(operation(), args, requestOf(args)),
  }),
)

builder.mutationField('passthrough', t =>
  t.field({
    type: PassthroughResult,
    nullable: true,
    description:
      'Sends any request with a connection’s credential, once: it is never repeated by itself. Scope: passthrough:write, or passthrough:read for a safe method.',
    args: {
      ...selectorArgs(),
      method: t.arg({ type: HttpMethod, required: true, description: 'Any method.' }),
      ...requestArgs(),
      body: t.arg({ type: 'JSON', description: 'The body; `options.bodyFormat` says how it is written.' }),
    },
    resolve: (_root, args, { services, operation }) => services.gateway.mutate(operation(), args, requestOf(args)),
  }),
)

/** A read through a connection that is at hand; safe methods only. */
builder.objectField(ConnectionType, 'passthrough', t =>
  t.field({
    type: PassthroughResult,
    nullable: true,
    description:
      'Sends a safe request through this connection; over a list of connections this asks many accounts in one operation. Scope: passthrough:read.',
    args: {
      method: t.arg({ type: HttpMethod, required: true, defaultValue: 'GET', description: 'GET, HEAD or OPTIONS.' }),
      ...requestArgs(),
    },
    resolve: (connection, args, { services, operation }) =>
      services.gateway.query(operation(), { connectionId: connection.id }, requestOf(args)),
  }),
)

function selectorArgs() {
  return builder.args(t => ({
    connectionId: t.id({ description: 'The connection. Leave out `integration` and `endUserId` then.' }),
    integration: t.string({ description: 'The integration’s slug, together with `endUserId`.' }),
    endUserId: t.string({
      description: 'The end user, by your own id. Several connections are `CONNECTION_AMBIGUOUS`.',
    }),
  }))
}

function requestArgs() {
  return builder.args(t => ({
    path: t.string({
      required: true,
      description:
        'Relative to the base URL, with or without a leading slash, query allowed; or an absolute URL on a pinned host.',
    }),
    query: t.field({ type: 'JSONObject', description: 'Query parameters; added after those in `path`.' }),
    headers: t.field({
      type: 'JSONObject',
      description:
        'Request headers; values are text, numbers or booleans. Credentials, framing and hop-by-hop headers are refused.',
    }),
    options: t.field({ type: PassthroughOptionsInput, description: 'How the request is built and bounded.' }),
  }))
}
