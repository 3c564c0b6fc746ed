/** The short way of a plain JSON POST: into Yoga's own pipeline, without a Request and a Response in between. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type DocumentNode, type ExecutionResult, GraphQLError } from 'graphql'
import { acceptedType } from './graphql-accept.ts'
import type { Answers } from './graphql-answers.ts'
import type { Cors } from './graphql-cors.ts'
import { createDocuments } from './graphql-documents.ts'
import { isPlainPost, type PlainRequest, readPlain } from './graphql-plain.ts'

/** What Yoga's `getEnveloped` gives, as far as it is used here. */
export interface Pipeline {
  readonly schema: unknown
  readonly parse: (source: string) => DocumentNode
  readonly validate: (schema: unknown, document: DocumentNode) => readonly unknown[]
  readonly contextFactory: () => Promise<object> | object
  readonly execute: (args: object) => Promise<ExecutionResult> | ExecutionResult
}

export interface PostOptions {
  readonly openPipeline: (context: PostContext) => Pipeline
  readonly answers: Pick<Answers, 'finish' | 'write'>
  readonly cors: Cors
}

/** Answers the request, whose whole body is given, or returns false when it is for Yoga: nothing has been executed then. */
export type PostHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  bytes: Buffer,
) => Promise<boolean>

export function createPostHandler(options: PostOptions): PostHandler {
  const findDocument = createDocuments()
  const { finish, write } = options.answers

  /** Undefined when nothing was executed: Yoga runs into the same, and words it. */
  async function execute(plain: PlainRequest, context: PostContext): Promise<ExecutionResult | undefined> {
    const pipeline = options.openPipeline(context)
    const { schema } = pipeline
    const document = findDocument(pipeline, plain)
    if (document === undefined) return undefined
    const contextValue = await openContext(pipeline)
    if (contextValue === undefined) return undefined
    const { variables: variableValues, operationName } = plain
    const result = await pipeline.execute({ schema, document, contextValue, variableValues, operationName })
    // Without data the variables were not what the document says they are.
    return 'data' in result ? result : undefined
  }

  return async function answerPost(request, response, requestId, bytes) {
    const mediaType = isPlainPost(request) ? acceptedType(request.headers.accept) : undefined
    const plain = mediaType === undefined ? undefined : readPlain(bytes)
    if (plain === undefined) return false
    const headers = {
      ...options.cors.headersFor(request.headers.origin),
      'content-type': `${mediaType}; charset=utf-8`,
    }
    const context = new PostContext(request, response, requestId)
    try {
      const result = await execute(plain, context)
      if (result === undefined) return false
      send(response, 200, headers, write(finish(result, context), context))
    } catch (cause) {
      const originalError = cause instanceof Error ? cause : new Error('thrown', { cause })
      // The status is settled here: what says of it in the error would be for Yoga.
      const result = { data: undefined, errors: [new GraphQLError(originalError.message, { originalError })] }
      send(response, 500, headers, write(finish(result, context), context))
    }
    return true
  }
}

/** What the pipeline starts from. */
export class PostContext {
  readonly req: IncomingMessage
  readonly requestId: string
  readonly #response: ServerResponse
  #leaving: AbortController | undefined

  constructor(req: IncomingMessage, response: ServerResponse, requestId: string) {
    this.req = req
    this.#response = response
    this.requestId = requestId
  }

  /** Aborted when the client leaves before its answer; most operations never ask for it. */
  get signal(): AbortSignal {
    this.#leaving ??= watchLeaving(this.#response)
    return this.#leaving.signal
  }

  /** Calls back when the answer is out or nobody waits for it any more. */
  onClose(callback: () => void): void {
    if (this.#response.closed) callback()
    else this.#response.once('close', callback)
  }
}

function watchLeaving(response: ServerResponse): AbortController {
  const leaving = new AbortController()
  function noteClose(): void {
    if (!response.writableFinished) leaving.abort()
  }
  if (response.closed) noteClose()
  else response.once('close', noteClose)
  return leaving
}

async function openContext(pipeline: Pipeline): Promise<object | undefined> {
  try {
    return await pipeline.contextFactory()
  } catch {
    return undefined
  }
}

/** The text is written together with the head, in one piece. */
function send(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>, text: string): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}
