/** GraphQL over HTTP: Yoga's pipeline with our context, our errors and the vendors' exact JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import type { ExecutionResult, GraphQLError } from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import { readAccessToken } from '../access/token.ts'
import { type ErrorCode, errorCodes, GatewayError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Memory } from '../gateway/memory.ts'
import { answerText } from '../graphql/answer-text.ts'
import { createContext, type GraphQLContext, type GraphQLServices, prove } from '../graphql/context.ts'
import { type FaceOptions, faceOf } from '../graphql/errors.ts'
import { schema } from '../graphql/schema.ts'
import { parseExactJson } from '../passthrough/exact-json.ts'
import type { ReadAddress } from './client-address.ts'
import { createCors } from './graphql-cors.ts'
import { useValidDocuments } from './graphql-documents.ts'
import { parseForm } from './graphql-form.ts'
import { useGuard } from './graphql-guard.ts'
import { parseMultipart } from './graphql-multipart.ts'
import { createPostHandler, type Pipeline, type PostContext } from './graphql-post.ts'
import { useRegisteredOperations } from './graphql-registered.ts'
import { useSimpleRequestGuard } from './graphql-simple-requests.ts'
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
  const finish: Finish = (result, { requestId, req }) =>
    finishResult(result, { requestId, req, showsSchema, events: options.events })
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
      useExactJson(),
      // After the one that finds the parser of a request: this one takes it away again.
      useSimpleRequestGuard({ takesPlainGet: showsSchema }),
      useRegisteredOperations({ operations: services.registeredOperations, prove: proofs }),
      useGuard({ schema, showsSchema }),
      useValidDocuments(),
      useErrorFaces(finish),
    ],
  })
  // Yoga types its pipeline by the whole context; what goes in and comes out is the same.
  const openPipeline = yoga.getEnveloped as unknown as (context: PostContext) => Pipeline
  return { yoga, openPipeline, finish, cors }
}

export function createGraphQLMount(options: GraphQLMountOptions): GraphQLMount {
  const { services } = options
  const { yoga, openPipeline, finish, cors } = createPipeline(options)
  const answerPost = createPostHandler({ openPipeline, finish, maxBytes: maxRequestBytes, cors })
  return async (req, response, requestId) => {
    try {
      holdBody(req, response, services.gateway.memory)
      if (options.isYogaOnly !== true && (await answerPost(req, response, requestId))) return
      await yoga(req, response, { req, requestId, onClose: callback => whenClosed(response, callback) })
    } catch (error) {
      if (!(error instanceof GatewayError)) options.events.requestFailed(requestId, error)
      if (response.headersSent) response.destroy()
      else sendFailure(req, response, error, requestId, cors.headersFor(req.headers.origin))
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
    if (!(proved instanceof GatewayError)) passageOf(request)?.prove(proved.id, 'graphql')
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
  failure: unknown,
  requestId: string,
  cors: Readonly<Record<string, string>> | undefined,
): void {
  const { error } = faceOf(failure, requestId)
  const code = error.extensions.code as ErrorCode
  passageOf(request)?.refuseBy(code)
  const body = Buffer.from(answerText({ errors: [error] }))
  const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length }
  response.writeHead(errorCodes[code].status, { ...cors, ...headers })
  response.end(body)
}

/** A body counts before it is read: by what it announces, and one that announces nothing by what most of them have. */
function holdBody(request: IncomingMessage, response: ServerResponse, memory: Memory): void {
  const announced = Number(request.headers['content-length'])
  const isChunked = request.headers['transfer-encoding'] !== undefined
  const bytes = Math.min(maxRequestBytes, isChunked ? 64 * 1024 : announced > 0 ? announced : 0)
  if (bytes === 0) return
  memory.take(bytes)
  response.once('close', () => memory.give(bytes))
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

/** The last hand on every result: errors get their public face, hidden ones go to the log. */
function useErrorFaces(finishOne: Finish): Plugin<GraphQLContext & ServerContext, ServerContext> {
  function finish(result: ExecutionResult, context: Finished): ExecutionResult & { stringify: typeof answerText } {
    return { ...finishOne(result, context), stringify: answerText }
  }
  return {
    onResultProcess({ result, setResult, serverContext }) {
      if (Array.isArray(result) || Symbol.asyncIterator in result) return
      setResult(finish(result, serverContext))
    },
    // Each event of a subscription is a result of its own.
    onSubscribe({ args: { contextValue } }) {
      return {
        onSubscribeResult: () => ({ onNext: ({ result, setResult }) => setResult(finish(result, contextValue)) }),
      }
    },
  }
}

function whenClosed(response: ServerResponse, callback: () => void): void {
  if (response.closed) callback()
  else response.once('close', callback)
}

/** The request that a result answers. */
export type Finished = Pick<ServerContext, 'requestId' | 'req'>

type Finish = (result: ExecutionResult, finished: Finished) => ExecutionResult

interface Finishing extends FaceOptions, Finished {
  readonly events: Events
}

function finishResult(result: ExecutionResult, finishing: Finishing): ExecutionResult {
  if (result.errors === undefined) return result
  const isWhole = !('data' in result)
  return { ...result, errors: result.errors.map(error => publicError(error, isWhole, finishing)) }
}

function publicError(error: unknown, isWhole: boolean, finishing: Finishing): GraphQLError {
  const { requestId, req, events, showsSchema } = finishing
  const face = faceOf(error, requestId, { showsSchema })
  if (face.hidden !== undefined) events.requestFailed(requestId, face.hidden)
  const { code, http } = face.error.extensions
  passageOf(req)?.refuseBy(code as ErrorCode)
  // A failure of ours is 500 to every client; `spec` would let a client of application/json see 200.
  const usual = code === 'INTERNAL' ? { status: 500 } : { status: 400, spec: true }
  // What fails in a field has no say in the status of an answer that has data.
  face.error.extensions.http = isWhole ? (http ?? usual) : undefined
  return face.error
}
