/** What was kept of a call's request and answer, where the workspace asked for it. */
import type { CallExchange, KeptBody, KeptHeader } from '../calls/exchange.ts'
import { parseMediaType } from '../passthrough/media-type.ts'
import { UpstreamResponse } from '../passthrough/response.ts'
import { builder } from './builder.ts'
import { CallType } from './calls.ts'
import { HttpHeader } from './passthrough-result.ts'

/** A body with the headers that say how it is read. */
interface ReadableBody extends KeptBody {
  readonly view: UpstreamResponse
}

interface KeptExchange {
  readonly exchange: CallExchange
  readonly expiresAt: Date
}

const KeptBodyType = builder.objectRef<ReadableBody>('KeptBody').implement({
  description:
    'A body as it was kept: decoded where it came with a content coding, and with `[redacted]` in the place of what a rule names and of what repeats an injected credential, in plain text, escaped, in base64 or in hex.',
  fields: t => ({
    sizeBytes: t.exposeFloat('sizeBytes', { description: 'Bytes of the whole body, as it went or came.' }),
    truncated: t.exposeBoolean('isTruncated', { description: 'True when only its beginning was kept.' }),
    omitted: t.exposeString('omitted', {
      nullable: true,
      description: 'Why nothing of it was kept; null when something was.',
    }),
    json: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The JSON exactly as it was kept; null when it is none, or was cut off.',
      resolve: ({ bytes, view }) => (bytes === null ? null : view.json()),
    }),
    text: t.string({
      nullable: true,
      description:
        'As text, by the charset of its content type; where something was taken out of a text that is no UTF-8, it was kept as UTF-8.',
      resolve: ({ bytes, view }) => (bytes === null ? null : view.text()),
    }),
    base64: t.string({
      nullable: true,
      description: 'Its bytes in base64.',
      resolve: ({ bytes }) => bytes?.toString('base64') ?? null,
    }),
  }),
})

const CallExchangeType = builder.objectRef<KeptExchange>('CallExchange').implement({
  description:
    'A request and its answer. Injected credentials are not in it; cookies, and headers that look like credentials, are `[redacted]`.',
  fields: t => ({
    requestHeaders: t.field({
      type: [HttpHeader],
      description: 'The headers that were sent, but for the credential’s.',
      resolve: ({ exchange }) => [...exchange.requestHeaders],
    }),
    requestBody: t.field({
      type: KeptBodyType,
      nullable: true,
      description: 'What was sent, but for the credential’s fields; null when there was no body.',
      resolve: ({ exchange }) => readable(exchange.requestBody, exchange.requestHeaders),
    }),
    responseHeaders: t.field({
      type: [HttpHeader],
      description: 'The headers of the answer; empty when none came.',
      resolve: ({ exchange }) => [...exchange.responseHeaders],
    }),
    responseBody: t.field({
      type: KeptBodyType,
      nullable: true,
      description: 'What was answered; null when there was no body.',
      resolve: ({ exchange }) => readable(exchange.responseBody, exchange.responseHeaders),
    }),
    truncated: t.boolean({
      description: 'True when only the beginning of one of the bodies was kept.',
      resolve: ({ exchange: { requestBody, responseBody } }) =>
        requestBody?.isTruncated === true || responseBody?.isTruncated === true,
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it is deleted at the latest.' }),
  }),
})

builder.objectField(CallType, 'exchange', t =>
  t.field({
    type: CallExchangeType,
    nullable: true,
    description:
      'What was kept of request and answer: null unless the workspace keeps the bodies of that integration (`callBodies`), after their time, and when the encryption key they were sealed under is gone. Scope: calls:read, which no session has.',
    resolve: ({ id }, _args, context) => {
      const { workspaceId } = context.authorize('calls:read')
      return context.services.callLog.exchangeOf(workspaceId, id)
    },
  }),
)

function readable(body: KeptBody | null, headers: readonly KeptHeader[]): ReadableBody | null {
  if (body === null) return null
  const { bytes, charset } = body
  const described =
    charset === undefined ? headers : headers.map(header => ({ ...header, value: setCharset(header, charset) }))
  return { ...body, view: new UpstreamResponse({ status: 200, headers: described, bytes: bytes ?? Buffer.alloc(0) }) }
}

function setCharset({ name, value }: KeptHeader, charset: string): string {
  return name.toLowerCase() === 'content-type' ? `${parseMediaType(value).essence}; charset=${charset}` : value
}
