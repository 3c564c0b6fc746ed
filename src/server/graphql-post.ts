/** The short way of a plain JSON POST: into Yoga's own pipeline, without a Request and a Response in between. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { DocumentNode, ExecutionResult } from 'graphql'
import { answerText } from '../graphql/answer-text.ts'
import { parseExactJson } from '../passthrough/exact-json.ts'

/** What Yoga's `getEnveloped` gives, as far as it is used here. */
export interface Pipeline {
  readonly schema: unknown
  readonly parse: (source: string) => DocumentNode
  readonly validate: (schema: unknown, document: DocumentNode) => readonly unknown[]
  readonly contextFactory: (extra: object) => Promise<object> | object
  readonly execute: (args: object) => Promise<ExecutionResult> | ExecutionResult
}

export interface PostOptions<Context extends object> {
  readonly openPipeline: (context: Context) => Pipeline
  /** The last hand on a result: its errors get their public face. */
  readonly finish: (result: ExecutionResult, requestId: string) => ExecutionResult
  readonly maxBytes: number
  /** True when browsers of other origins may call: what they are answered is Yoga's to say. */
  readonly hasCors: boolean
}

/** What is executed here; everything else is Yoga's. */
interface PlainRequest {
  readonly query: string
  readonly variables: object | null | undefined
  readonly operationName: string | null | undefined
}

/** The answer's media type by the header `accept`, as clients really write it; others are negotiated by Yoga. */
const mediaTypes: ReadonlyMap<string, string> = new Map([
  ['', 'application/json'],
  ['*/*', 'application/json'],
  ['application/json', 'application/json'],
  ['application/json, text/plain, */*', 'application/json'],
  ['application/json, */*', 'application/json'],
  ['application/graphql-response+json', 'application/graphql-response+json'],
  ['application/graphql-response+json, application/json', 'application/graphql-response+json'],
  ['application/graphql-response+json,application/json;q=0.9', 'application/graphql-response+json'],
])

/** Documents that are valid, by their text; the longest are not worth the memory. */
const maxDocuments = 1000
const maxDocumentLength = 20_000

/** Who leaves before the answer aborts its calls. */
export interface PostContext {
  readonly requestId: string
  readonly req: IncomingMessage
  readonly signal: AbortSignal
  readonly onClose: (callback: () => void) => void
}

/**
 * Answers the request, or returns false when it is for Yoga: nothing has been executed then, and what was read of the body
 * is the request's `body`, where Yoga looks for it.
 */
export type PostHandler = (request: IncomingMessage, response: ServerResponse, requestId: string) => Promise<boolean>

export function createPostHandler(options: PostOptions<PostContext>): PostHandler {
  const documents = new Map<string, DocumentNode>()

  function findDocument(pipeline: Pipeline, query: string): DocumentNode | undefined {
    const known = documents.get(query)
    if (known !== undefined) return known
    let document: DocumentNode
    try {
      document = pipeline.parse(query)
    } catch {
      return undefined
    }
    if (pipeline.validate(pipeline.schema, document).length > 0 || hasSubscription(document)) return undefined
    if (query.length <= maxDocumentLength) {
      if (documents.size >= maxDocuments) documents.clear()
      documents.set(query, document)
    }
    return document
  }

  return async function answerPost(request, response, requestId) {
    const mediaType =
      options.hasCors && request.headers.origin !== undefined ? undefined : mediaTypeOf(request, options)
    if (mediaType === undefined) return false
    const bytes = await readBody(request)
    if (bytes === undefined) return true
    const plain = readRequest(bytes)
    if (plain === undefined) return leaveToYoga(request, bytes)
    const leaving = new AbortController()
    response.on('close', () => {
      if (!response.writableFinished) leaving.abort()
    })
    const onClose = (callback: () => void) => response.once('close', callback)
    const pipeline = options.openPipeline({ requestId, req: request, signal: leaving.signal, onClose })
    const document = findDocument(pipeline, plain.query)
    if (document === undefined || !hasOperation(document, plain.operationName)) return leaveToYoga(request, bytes)
    const contextValue = await openContext(pipeline)
    if (contextValue === undefined) return leaveToYoga(request, bytes)
    const { variables: variableValues, operationName } = plain
    const result = await pipeline.execute({
      schema: pipeline.schema,
      document,
      contextValue,
      variableValues,
      operationName,
    })
    // A variable of the wrong type, or an operation that is not there: nothing was executed.
    if (!('data' in result)) return leaveToYoga(request, bytes)
    send(response, mediaType, answerText(options.finish(result, requestId)))
    return true
  }
}

/** Undefined when it fails: Yoga runs into the same, and words it. */
async function openContext(pipeline: Pipeline): Promise<object | undefined> {
  try {
    return await pipeline.contextFactory({})
  } catch {
    return undefined
  }
}

function mediaTypeOf(
  { method, headers, url }: IncomingMessage,
  { maxBytes }: { maxBytes: number },
): string | undefined {
  const length = Number(headers['content-length'])
  const isPlain =
    method === 'POST' &&
    url === '/graphql' &&
    /^application\/json(?:; ?charset=utf-8)?$/i.test(headers['content-type'] ?? '') &&
    headers['content-encoding'] === undefined &&
    length > 0 &&
    length <= maxBytes
  return isPlain ? mediaTypes.get(headers.accept ?? '') : undefined
}

/** Undefined when the client left in the middle of it. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>()
  const chunks: Buffer[] = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)))
  request.on('error', () => resolve(undefined))
  request.on('close', () => resolve(undefined))
  return await promise
}

/** Undefined for all that Yoga has something to say about. */
function readRequest(bytes: Buffer): PlainRequest | undefined {
  let body: unknown
  try {
    body = parseExactJson(bytes.toString())
  } catch {
    return undefined
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined
  const { query, variables, operationName, extensions, ...unknown } = body as Record<string, unknown>
  const isPlain =
    typeof query === 'string' &&
    (variables == null || (typeof variables === 'object' && !Array.isArray(variables))) &&
    (operationName == null || typeof operationName === 'string') &&
    extensions == null &&
    Object.keys(unknown).length === 0
  if (!isPlain) return undefined
  return { query, variables: variables as object | undefined, operationName: operationName as string | undefined }
}

function hasSubscription(document: DocumentNode): boolean {
  return document.definitions.some(node => node.kind === 'OperationDefinition' && node.operation === 'subscription')
}

/** True when it is clear which operation is meant. */
function hasOperation(document: DocumentNode, name: string | null | undefined): boolean {
  const operations = document.definitions.filter(node => node.kind === 'OperationDefinition')
  return name == null ? operations.length === 1 : operations.some(node => node.name?.value === name)
}

function leaveToYoga(request: IncomingMessage, bytes: Buffer): false {
  Object.assign(request, { body: bytes })
  return false
}

function send(response: ServerResponse, mediaType: string, text: string): void {
  const body = Buffer.from(text)
  response.writeHead(200, { 'content-type': `${mediaType}; charset=utf-8`, 'content-length': body.length })
  response.end(body)
}
