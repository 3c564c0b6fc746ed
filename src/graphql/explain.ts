/** Explain: what a passthrough would send, and whether it may, without calling anyone. */
import type { Explanation } from '../gateway/gateway.ts'
import { formatCurl } from '../passthrough/preview.ts'
import { builder } from './builder.ts'
import { ConnectionType } from './connections.ts'
import { ErrorCodeType } from './error-codes.ts'
import { BodyFormat, HttpMethod } from './http-enums.ts'
import { AuthScheme } from './integrations.ts'
import { requestArgs, requestOf, selectorArgs } from './passthrough.ts'
import { HttpHeader } from './passthrough-result.ts'

const Refusal = builder.objectRef<{ code: string; message: string }>('Refusal').implement({
  description: 'Why a call would not be sent.',
  fields: t => ({
    code: t.field({
      type: ErrorCodeType,
      description: 'The code that the call would fail with.',
      resolve: ({ code }) => code as 'INTERNAL',
    }),
    message: t.exposeString('message', { description: 'The sentence that would come with it.' }),
  }),
})

const RetryPlanType = builder.objectRef<Explanation['plan']['retry']>('RetryPlan').implement({
  description: 'When a call would be sent again.',
  fields: t => ({
    retries: t.exposeInt('max', { description: 'Attempts after the first, at most.' }),
    repeatable: t.exposeBoolean('isRepeatable', {
      description:
        'True when it may be sent again although it may have reached the vendor; false: only when nothing was sent.',
    }),
  }),
})

const PassthroughPlan = builder.objectRef<Explanation>('PassthroughPlan').implement({
  description: 'What a passthrough would send. The credential is never opened for it; `***` stands in its places.',
  fields: t => ({
    allowed: t.boolean({
      description: 'True when it may be sent: the destination is inside the pin set and may be dialled.',
      resolve: ({ plan }) => plan.url.refusal === undefined,
    }),
    refusal: t.field({
      type: Refusal,
      nullable: true,
      description: 'Why it may not be sent; null when it may.',
      resolve: ({ plan }) => {
        const { refusal } = plan.url
        // A copy: an error that a resolver returns counts as thrown.
        return refusal === undefined ? null : { code: refusal.code, message: refusal.message }
      },
    }),
    method: t.field({
      type: HttpMethod,
      description: 'The method.',
      resolve: ({ plan }) => plan.method as 'GET',
    }),
    url: t.string({ description: 'The whole URL as it goes on the wire.', resolve: ({ preview }) => preview.url }),
    headers: t.field({
      type: [HttpHeader],
      description: 'Every header, but for those that frame the message.',
      resolve: ({ preview }) => [...preview.headers],
    }),
    bodyFormat: t.field({
      type: BodyFormat,
      nullable: true,
      description: 'How the body is written; null when there is none, or it goes as it is.',
      resolve: ({ plan }) => plan.bodyFormat,
    }),
    bodySizeBytes: t.int({ description: 'Bytes of the body.', resolve: ({ preview }) => preview.body?.length ?? 0 }),
    authScheme: t.field({
      type: AuthScheme,
      description: 'How the request is proved.',
      resolve: ({ connection }) => connection.scheme as 'none',
    }),
    pinnedHosts: t.stringList({
      description: 'The hosts that the credential may travel to.',
      resolve: ({ plan }) => [...plan.connection.hosts],
    }),
    timeoutMs: t.int({ description: 'Milliseconds for the whole call.', resolve: ({ plan }) => plan.timeoutMs }),
    maxResponseBytes: t.int({
      description: 'Bytes of the answer after decoding, at most.',
      resolve: ({ plan }) => plan.maxResponseBytes,
    }),
    retry: t.field({ type: RetryPlanType, description: 'When it is sent again.', resolve: ({ plan }) => plan.retry }),
    maxRedirects: t.int({
      description: 'How many redirects inside the pin set are followed.',
      resolve: ({ plan }) => plan.redirects,
    }),
    cacheable: t.boolean({
      description: 'True when the answer may come from the connection’s private cache.',
      resolve: ({ plan }) => plan.cache !== undefined,
    }),
    toCurl: t.string({ description: 'The same as a curl line.', resolve: ({ preview }) => formatCurl(preview) }),
    connection: t.field({
      type: ConnectionType,
      description: 'The connection that is meant.',
      resolve: ({ connection }) => connection,
    }),
  }),
})

builder.queryField('explain', t =>
  t.field({
    type: PassthroughPlan,
    nullable: true,
    description:
      'What `passthrough` with the same arguments would send, and whether it may; nobody is called. A wrong argument fails as there. Scope: that of the call.',
    args: {
      ...selectorArgs(),
      method: t.arg({ type: HttpMethod, required: true, defaultValue: 'GET', description: 'Any method.' }),
      ...requestArgs(),
      body: t.arg({ type: 'JSON', description: 'The body.' }),
    },
    resolve: (_root, args, { services, operation }) => services.gateway.explain(operation(), args, requestOf(args)),
  }),
)
