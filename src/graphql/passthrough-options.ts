/** How a passthrough is built, bounded and repeated, as callers say it. */
import type { PassthroughOptions } from '../passthrough/request.ts'
import { builder } from './builder.ts'
import { ArrayFormat, BodyFormat } from './http-enums.ts'

const CacheOptionsInput = builder.inputType('CacheOptions', {
  description: 'What the private cache of the connection may do for a read.',
  fields: t => ({
    maxAgeSeconds: t.int({
      description:
        'The oldest answer that will do, 0 to 86,400; also how long one lives whose vendor does not say. When absent the vendor alone decides.',
    }),
  }),
})

export const PassthroughOptionsInput = builder.inputType('PassthroughOptions', {
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
    retries: t.int({
      description:
        'Attempts after the first, 0 to 5; 2 when absent. A write without `idempotencyKey` is sent again only when nothing had been sent.',
    }),
    idempotencyKey: t.string({
      description:
        '1 to 255 visible characters that name this write: the same key with the same request gives the stored answer for 24 hours, with another request `IDEMPOTENCY_CONFLICT`. Passed on to vendors that take one; of no effect on reads.',
    }),
    cache: t.field({
      type: CacheOptionsInput,
      description: 'Lets a read be answered from the connection’s private cache, as the vendor allows (RFC 9111).',
    }),
  }),
})

type Nullable<Fields> = { readonly [Name in keyof Fields]?: Fields[Name] | null }

export type OptionsInput = Omit<Nullable<PassthroughOptions>, 'cache'> & {
  readonly cache?: { readonly maxAgeSeconds?: number | null } | null
}

/** GraphQL's nulls as the core's absences. */
export function optionsOf(input: OptionsInput | null | undefined): PassthroughOptions {
  const { cache, ...plain } = input ?? {}
  const options: PassthroughOptions = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== null))
  return cache == null ? options : { ...options, cache: { maxAgeSeconds: cache.maxAgeSeconds ?? undefined } }
}
