/** What a GraphQL request may be written in and answered as: who asks for another form is told which there are, and nothing runs. */
import type { IncomingMessage } from 'node:http'
import type { Plugin } from 'graphql-yoga'
import { type GatewayError, invalidInput } from '../errors.ts'
import { answerText } from '../graphql/answer-text.ts'
import { faceOf } from '../graphql/errors.ts'
import { isAnswerable } from './graphql-accept.ts'
import { passageOf } from './passage.ts'

interface ServerContext {
  readonly requestId: string
  readonly req: IncomingMessage
}

/** Of a header that is shown. */
const maxShownLength = 100

export function useMediaRefusals(): Plugin<object, ServerContext> {
  return {
    onRequestParse({ request, endResponse, fetchAPI }) {
      if (request.method !== 'GET' && request.method !== 'POST') return
      // Yoga looks at it once there is a result, and a mutation has run.
      if (!isAnswerable(request.headers.get('accept'))) endResponse(new fetchAPI.Response(null, { status: 406 }))
    },
    // Yoga's own answers of this kind have no body.
    onResponse({ request, response, serverContext: { requestId, req }, setResponse, fetchAPI }) {
      const refusal = response.body === null ? refusalOf(response.status, request.headers) : undefined
      if (refusal === undefined) return
      passageOf(req)?.refuse(refusal)
      const headers = new fetchAPI.Headers(response.headers)
      headers.delete('content-length')
      headers.set('content-type', 'application/json; charset=utf-8')
      const text = answerText({ errors: [faceOf(refusal, requestId).error] })
      setResponse(new fetchAPI.Response(text, { status: response.status, headers }))
    },
  }
}

function refusalOf(status: number, headers: Pick<Headers, 'get'>): GatewayError | undefined {
  if (status === 415) {
    const takes = 'application/json, application/graphql, multipart/form-data or application/x-www-form-urlencoded'
    return wrongHeader('content-type', takes, headers.get('content-type'))
  }
  if (status !== 406) return undefined
  const accept = headers.get('accept')
  const takes = isAnswerable(accept)
    ? 'text/event-stream for a subscription'
    : 'application/json, application/graphql-response+json, text/event-stream or multipart/mixed, in UTF-8'
  return wrongHeader('accept', takes, accept)
}

function wrongHeader(name: string, takes: string, value: string | null): GatewayError {
  const long = (value ?? '').length > maxShownLength
  const got = value === null ? 'none' : long ? `a text of ${value.length} characters` : JSON.stringify(value)
  return invalidInput(`headers.${name}`, `The header ${name} takes ${takes}; got ${got}.`)
}
