/** What a passthrough answers: the vendor's status, headers and body, and where the answer came from. */

import type { GatewayAnswer } from '../gateway/gateway.ts'
import type { Attempt, CacheVerdict, Timing } from '../passthrough/call.ts'
import { formatCurl, previewRequest } from '../passthrough/preview.ts'
import { toTypeId } from '../store/ids.ts'
import { builder } from './builder.ts'
import { ConnectionType } from './connections.ts'

export const CallAttempt = builder.objectRef<Attempt>('CallAttempt').implement({
  description: 'One request of a call that was really sent.',
  fields: t => ({
    status: t.exposeInt('status', { nullable: true, description: 'The vendor’s status; null when no answer came.' }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why it was not the last one, or why no answer came; null for the answer that was given.',
    }),
    durationMs: t.exposeFloat('durationMs', { description: 'Milliseconds from its start to its last byte.' }),
  }),
})

const CallTiming = builder.objectRef<Timing>('CallTiming').implement({
  description: 'Where the time of a call went, in milliseconds.',
  fields: t => ({
    queuedMs: t.exposeFloat('queuedMs', {
      description: 'Waiting for a turn: limits, a free connection, and the pauses between attempts.',
    }),
    connectMs: t.exposeFloat('connectMs', {
      nullable: true,
      description: 'Until the last attempt had a connection; near 0 when one was open already.',
    }),
    firstByteMs: t.exposeFloat('firstByteMs', {
      nullable: true,
      description: 'From the start of the call to the head of its answer.',
    }),
    totalMs: t.exposeFloat('totalMs', { description: 'From the start of the call to its last byte.' }),
  }),
})

const CacheVerdictType = builder.enumType('CacheVerdict', {
  description: 'Where an answer came from, when the call asked for the private cache of its connection.',
  values: {
    HIT: { description: 'From the cache; the vendor was not asked.' },
    MISS: { description: 'From the vendor.' },
    REVALIDATED: { description: 'From the cache; the vendor said that it still holds.' },
  } satisfies Record<CacheVerdict, object>,
})

export const HttpHeader = builder.objectRef<{ name: string; value: string }>('HttpHeader').implement({
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
        'A JSONPath query (RFC 9535) over the JSON body: the list of matched values, each exactly as sent. Filters compare numbers as IEEE 754 doubles, as the RFC has it: integers beyond 2^53 that differ may count as equal there. Null when the body is not JSON.',
      args: { path: t.arg.string({ required: true, description: 'For example `$.data[*].id`.' }) },
      resolve: async ({ response }, { path }, { operation }) => {
        const body = await response.queryable()
        return body === null ? null : operation().compute(timeoutMs => body.select(path, timeoutMs))
      },
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
    attemptLog: t.field({
      type: [CallAttempt],
      description: 'Each of them, in order.',
      resolve: ({ outcome }) => [...outcome.attemptLog],
    }),
    timing: t.field({
      type: CallTiming,
      description: 'Where the time went.',
      resolve: ({ outcome }) => outcome.timing,
    }),
    bytesSent: t.float({
      description: 'Bytes of the request’s body, of all attempts.',
      resolve: ({ outcome }) => outcome.bytesSent,
    }),
    bytesReceived: t.float({
      description: 'Bytes of the answers’ bodies as they came, before decoding, of all attempts.',
      resolve: ({ outcome }) => outcome.bytesReceived,
    }),
    sha256: t.string({
      description: 'SHA-256 of the body’s bytes after decoding, in hex.',
      resolve: ({ response }) => response.sha256(),
    }),
    cache: t.field({
      type: CacheVerdictType,
      nullable: true,
      description: 'Where the answer came from; null when `options.cache` was not given.',
      resolve: ({ outcome }) => outcome.cache,
    }),
    toCurl: t.string({
      description: 'The request as a curl line, with `***` for the credential.',
      resolve: ({ plan }) => formatCurl(previewRequest(plan)),
    }),
    downloadUrl: t.string({
      nullable: true,
      description:
        'A link that makes this safe call again and streams its answer, for a browser or a person without a key: whoever holds it can follow it until it ends, as long as the access key that asked is alive.',
      args: {
        expiresInSeconds: t.arg.int({
          required: true,
          defaultValue: 300,
          description: 'How long the link lives, 1 to 3,600.',
        }),
      },
      resolve: ({ plan }, { expiresInSeconds }, { caller, services }) => {
        const token = services.gateway.sealDownload(caller(), plan, expiresInSeconds)
        return new URL(`downloads/${token}`, services.publicUrl()).href
      },
    }),
    callId: t.id({
      nullable: true,
      description: 'Its record in `calls`, within a second; null when nothing was sent for this answer.',
      resolve: ({ callUuid }) => (callUuid === undefined ? null : toTypeId('call', callUuid)),
    }),
    connection: t.field({
      type: ConnectionType,
      description: 'The connection whose credential was used.',
      resolve: ({ connection }) => connection,
    }),
  }),
})
