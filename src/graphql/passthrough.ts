/** Passthrough: one HTTP request to an integration with a connection's credential, as query and as mutation. */
import type { PassthroughInput } from '../passthrough/request.ts'
import { builder } from './builder.ts'
import { ConnectionType } from './connections.ts'
import { HttpMethod } from './http-enums.ts'
import { type OptionsInput, optionsOf, PassthroughOptionsInput } from './passthrough-options.ts'
import { PassthroughResult } from './passthrough-result.ts'

/** The arguments that say what to send, without the connection. */
export interface RequestArgs {
  readonly method: PassthroughInput['method']
  readonly path: string
  readonly query?: Record<string, unknown> | null
  readonly headers?: Record<string, unknown> | null
  readonly body?: unknown
  readonly options?: OptionsInput | null
}

/** GraphQL's nulls as the core's absences. */
export function requestOf(args: RequestArgs): Omit<PassthroughInput, 'mode'> {
  return {
    method: args.method,
    path: args.path,
    query: args.query ?? undefined,
    headers: args.headers ?? undefined,
    body: args.body ?? undefined,
    options: optionsOf(args.options),
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
      'Sends any request with a connection’s credential. What may have reached the vendor is never sent again by itself, unless `options.idempotencyKey` makes that safe. Scope: passthrough:write, or passthrough:read for a safe method.',
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

/** Which connection is meant. */
export function selectorArgs() {
  return builder.args(t => ({
    connectionId: t.id({ description: 'The connection. Leave out `integration` and `endUserId` then.' }),
    integration: t.string({ description: 'The integration’s slug, together with `endUserId`.' }),
    endUserId: t.string({
      description: 'The end user, by your own id. Several connections are `CONNECTION_AMBIGUOUS`.',
    }),
  }))
}

/** What is sent, but for method and body. */
export function requestArgs() {
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
