/** GraphQL over HTTP: Yoga's pipeline with our context, our errors and the vendors' exact JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import type { ExecutionResult, GraphQLError } from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import { readAccessToken } from '../access/token.ts'
import { type ErrorCode, errorCodes, GatewayError } from '../errors.ts'
import type { Events } from '../events.ts'
import { answerText } from '../graphql/answer-text.ts'
import { createContext, type GraphQLContext, type GraphQLServices, prove } from '../graphql/context.ts'
import { faceOf } from '../graphql/errors.ts'
import { schema } from '../graphql/schema.ts'
import { parseExactJson } from '../passthrough/exact-json.ts'
import type { ReadAddress } from './client-address.ts'
import { type Answers, createAnswers } from './graphql-answers.ts'
import { type BodyPace, createBodyTaker, hasBody, leaveToYoga } from './graphql-body.ts'
import { createCors } from './graphql-cors.ts'
import { useValidDocuments } from './graphql-documents.ts'
import { parseForm } from './graphql-form.ts'
import { useGuard } from './graphql-guard.ts'
import { useMediaRefusals } from './graphql-media.ts'
import { parseMultipart } from './graphql-multipart.ts'
import { createPostHandler, type Pipeline, type PostContext } from './graphql-post.ts'
import { useRegisteredOperations } from './graphql-registered.ts'
import { useSimpleRequestGuard } from './graphql-simple-requests.ts'
import { lingerAfterAnswer } from './linger.ts'
import { passageOf } from './passage.ts'

export interface GraphQLMountOptions {
  readonly services: GraphQLServices
  readonly events: Events
  readonly corsOrigins: readonly string[]
  readonly readAddress: ReadAddress
  /** Whether anyone may ask what the schema is, by introspection or by what errors say of it; it is shown unless told. */
  readonly introspection?: boolean
  /** Whether browsers get GraphiQL; they do unless told. */
  readonly graphiql?: boolean
  /** Sends everything through Yoga's own listener, to be compared with. */
  readonly isYogaOnly?: boolean
  /** How long a body may take; the standard's unless told. */
  readonly bodyPace?: BodyPace
}

export type GraphQLMount = (request: IncomingMessage, response: ServerResponse, requestId: string) => Promise<void>

interface ServerContext {
  readonly requestId: string
  readonly req: IncomingMessage
  readonly onClose: (callback: () => void) => void
  /** The short way's own; Yoga's requests bring theirs. */
  readonly signal?: AbortSignal
}

/** Bytes of a GraphQL request; a body to pass on is part of it, base64 included. */
const maxRequestBytes = 36 * 1024 * 1024

const firstQuery = `# The sandbox is a vendor inside this gateway.
# Put an access key into the headers below, then run this.
query FirstPassthrough {
  passthrough(
    integration: "sandbox"
    endUserId: "demo"
    path: "/v1/contacts"
    query: { limit: 3 }
  ) {
    status
    body
  }
}
`

const graphiql = {
  title: 'Passgate',
  defaultQuery: firstQuery,
  headers: JSON.stringify({ authorization: 'Bearer PUT_AN_ACCESS_KEY_HERE' }, null, 2),
  shouldPersistHeaders: false,
}

/** The pipeline of both ways, without what carries requests to it. */
export function createPipeline(options: GraphQLMountOptions) {
  const { services } = options
  const cors = createCors(options.corsOrigins)
  const proofs = createProofs(options)
  const showsSchema = options.introspection !== false
  const answers = createAnswers({ events: options.events, memory: services.gateway.memory, showsSchema })
  const yoga = createYoga<ServerContext, GraphQLContext>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    logging: false,
    maskedErrors: false,
    maxRequestBodySize: maxRequestBytes,
    cors: cors.options,
    renderGraphiQL,
    graphiql: options.graphiql !== false && graphiql,
    // Yoga's own remembers errors, too, and with each the whole request that it was found in.
    parserAndValidationCache: false,
    context: async context =>
      createContext({
        services,
        requestId: context.requestId,
        token: readAccessToken(context.req.headers),
        proved: await proofs(context.req),
        address: options.readAddress(context.req),
        signal: () => context.signal ?? context.request.signal,
        onClose: callback => context.onClose(callback),
      }),
    plugins: [
      useMediaRefusals(),
      useExactJson(),
      // After the one that finds the parser of a request: this one takes it away again.
      useSimpleRequestGuard({ takesPlainGet: showsSchema }),
      useRegisteredOperations({ operations: services.registeredOperations, prove: proofs }),
      useGuard({ schema, showsSchema }),
      useValidDocuments(),
      useAnswers(answers),
    ],
  })
  // Yoga types its pipeline by the whole context; what goes in and comes out is the same.
  const openPipeline = yoga.getEnveloped as unknown as (context: PostContext) => Pipeline
  return { yoga, openPipeline, answers, cors, proofs }
}

export function createGraphQLMount(options: GraphQLMountOptions): GraphQLMount {
  const { services, bodyPace: pace } = options
  const { memory } = services.gateway
  const { yoga, openPipeline, answers, cors, proofs } = createPipeline(options)
  const takeBody = createBodyTaker({ memory, maxBytes: maxRequestBytes, prove: proofs, ...(pace && { pace }) })
  const answerPost = createPostHandler({ openPipeline, answers, cors })
  return async (req, response, requestId) => {
    try {
      const isLong = hasBody(req)
      if (isLong) lingerAfterAnswer(req, response)
      const bytes = isLong && req.method === 'POST' ? await takeBody(req, response) : null
      if (bytes === undefined) return
      if (bytes !== null) {
        if (options.isYogaOnly !== true && (await answerPost(req, response, requestId, bytes))) return
        leaveToYoga(req, bytes)
      }
      await yoga(req, response, { req, requestId, onClose: callback => whenClosed(response, callback) })
    } catch (error) {
      const face = faceOf(error, requestId)
      if (face.hidden !== undefined) options.events.requestFailed(requestId, face.hidden)
      if (response.headersSent) response.destroy()
      else sendFailure(req, response, face.error, cors.headersFor(req.headers.origin))
    }
  }
}

/** Who sends each request: asked before its document is parsed and again for its fields, but proved once. */
function createProofs({
  services,
  readAddress,
}: GraphQLMountOptions): (request: IncomingMessage) => ReturnType<typeof prove> {
  const proofs = new WeakMap<IncomingMessage, ReturnType<typeof prove>>()
  async function proveOnce(request: IncomingMessage): ReturnType<typeof prove> {
    const proved = await prove({ services, token: readAccessToken(request.headers), address: readAddress(request) })
    if (proved instanceof GatewayError) return proved
    passageOf(request)?.prove(proved.id, 'graphql')
    await services.callers.admit(proved)
    return proved
  }
  return request => {
    const proof = proofs.get(request) ?? proveOnce(request)
    proofs.set(request, proof)
    return proof
  }
}

/** What failed before there was an operation, in the form that GraphQL clients read. */
function sendFailure(
  request: IncomingMessage,
  response: ServerResponse,
  error: GraphQLError,
  cors: Readonly<Record<string, string>> | undefined,
): void {
  const code = error.extensions.code as ErrorCode
  const { status = errorCodes[code].status, headers: own } = takeHttp(error)
  passageOf(request)?.refuseBy(code)
  const body = Buffer.from(answerText({ errors: [error] }))
  const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length }
  response.writeHead(status, { ...cors, ...own, ...headers })
  response.end(body)
}

/** What an error says of the answer that it comes in: for the server alone. */
function takeHttp({ extensions }: GraphQLError): { status?: number; headers?: Readonly<Record<string, string>> } {
  const http = extensions.http ?? {}
  extensions.http = undefined
  return http
}

/** Numbers in the variables keep their digits: what Yoga would parse is read from the exact text. */
function useExactJson(): Plugin {
  return {
    onRequestParse({ request, requestParser, setRequestParser }) {
      const type = request.headers.get('content-type') ?? ''
      if (requestParser === undefined) return
      if (type.startsWith('multipart/form-data')) {
        setRequestParser(async original => parseMultipart(await original.formData()))
      } else if (request.method === 'GET') {
        setRequestParser(original => parseForm(original.url.slice(original.url.indexOf('?') + 1)))
      } else if (type.startsWith('application/x-www-form-urlencoded')) {
        setRequestParser(async original => parseForm(await original.text()))
      } else if (/^application\/(?:graphql\+)?json/.test(type)) {
        setRequestParser(original => {
          const json = async () => parseExactJson(await original.text())
          return requestParser(
            new Proxy(original, {
              get: (target, name) => (name === 'json' ? json : Reflect.get(target, name, target)),
            }),
          )
        })
      }
    },
  }
}

function useAnswers({ finish, write, writeEvent }: Answers): Plugin<GraphQLContext & ServerContext, ServerContext> {
  return {
    onResultProcess({ result, setResult, serverContext }) {
      if (Array.isArray(result) || Symbol.asyncIterator in result) return
      setResult({ ...finish(result, serverContext), stringify: final => write(final, serverContext) })
    },
    // Each event of a subscription is a result of its own.
    onSubscribe({ args: { contextValue } }) {
      return {
        onSubscribeResult: () => ({
          onNext({ result, setResult }) {
            const finished = finish(result, contextValue)
            setResult(
              Object.assign(finished, { stringify: (final: ExecutionResult) => writeEvent(final, contextValue) }),
            )
          },
        }),
      }
    },
  }
}

function whenClosed(response: ServerResponse, callback: () => void): void {
  if (response.closed) callback()
  else response.once('close', callback)
}
