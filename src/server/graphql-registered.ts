/**
 * Registered operations on their way in: a request may name a document by its hash instead of bringing it, and a key for
 * registered operations runs nothing else, by whichever way it comes.
 */
import type { IncomingMessage } from 'node:http'
import { type DocumentNode, GraphQLError } from 'graphql'
import type { GraphQLParams, Plugin } from 'graphql-yoga'
import type { Caller } from '../access/caller.ts'
import { type RegisteredOperations, readHash } from '../access/registered-operations.ts'
import { GatewayError, invalidInput } from '../errors.ts'
import type { GraphQLContext } from '../graphql/context.ts'

export interface RegisteredOptions {
  readonly operations: RegisteredOperations
  /** The caller, or why there is none: proved once for each request, because failures are counted. */
  readonly prove: (request: IncomingMessage) => Promise<Caller | GatewayError>
}

interface ServerContext {
  readonly req: IncomingMessage
}

/** How a request names a document, and what it hears when there is none. */
interface Reference {
  readonly hash: string
  readonly field: string
  readonly absent: string
}

type Params = GraphQLParams & { documentId?: unknown }

export function useRegisteredOperations(options: RegisteredOptions): Plugin<GraphQLContext, ServerContext> {
  const { operations, prove } = options

  /** The parameters with a document in them; undefined when they are right as they are. */
  async function completeParams(params: Params, context: ServerContext): Promise<GraphQLParams | undefined> {
    const reference = findReference(params)
    if (reference === undefined) {
      await refuseUnregistered(params.query, context)
      return undefined
    }
    const caller = await prove(context.req)
    if (caller instanceof GatewayError) throw caller
    const found = await operations.find(caller.workspaceId, reference.hash)
    if (found === undefined) throw notFound(reference)
    const { documentId, ...rest } = params
    return { ...rest, query: found.document }
  }

  /** Before the document is parsed: what is wrong with it would tell of the schema. */
  async function refuseUnregistered(query: unknown, context: ServerContext): Promise<void> {
    const caller = await prove(context.req)
    // Without a valid key it goes on: its fields refuse it.
    if (caller instanceof GatewayError || !caller.registeredOnly) return
    await operations.require(caller.workspaceId, typeof query === 'string' ? query : '')
  }

  /** Both ways end here: the short one asks nothing of a request's parameters. */
  function guard(args: {
    contextValue: unknown
    document: DocumentNode
  }): Promise<GraphQLError | undefined> | undefined {
    const caller = callerOf(args.contextValue as GraphQLContext)
    if (caller?.registeredOnly !== true) return undefined
    // A document without its text cannot be told: it is none of them.
    return operations.require(caller.workspaceId, args.document.loc?.source.body ?? '').then(() => undefined, located)
  }

  return {
    async onParams({ params, request, context, setParams }) {
      const given = request.method === 'GET' ? { ...params, documentId: documentIdOf(request.url) } : params
      try {
        const complete = await completeParams(given, context)
        if (complete !== undefined) setParams(complete)
      } catch (error) {
        throw located(error)
      }
    },
    onExecute({ args, setResultAndStopExecution }) {
      return guard(args)?.then(refusal => {
        if (refusal !== undefined) setResultAndStopExecution({ errors: [refusal] })
      })
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      return guard(args)?.then(refusal => {
        if (refusal !== undefined) setResultAndStopExecution({ errors: [refusal] })
      })
    },
  }
}

/** @throws GatewayError `INVALID_INPUT` for what is meant as a reference and is none */
function findReference({ query, documentId, extensions }: Params): Reference | undefined {
  if (documentId != null) {
    const field = 'documentId'
    if (query != null) throw invalidInput(field, 'A request takes query or documentId, not both.')
    const hash = typeof documentId === 'string' ? readHash(documentId) : undefined
    if (hash === undefined) throw invalidInput(field, `${field} takes "sha256:" and the hash in hexadecimal.`)
    return { hash, field, absent: `${field} names no registered operation of the workspace.` }
  }
  const persisted: unknown = extensions?.persistedQuery
  if (query != null || !isObject(persisted)) return undefined
  const { version, sha256Hash } = persisted
  const field = 'extensions.persistedQuery'
  if (Number(version) !== 1) throw invalidInput(`${field}.version`, `${field}.version takes 1.`)
  const hash = typeof sha256Hash === 'string' ? readHash(sha256Hash) : undefined
  if (hash === undefined) throw invalidInput(`${field}.sha256Hash`, `${field}.sha256Hash takes a hash in hexadecimal.`)
  // Clients with automatic persisted queries know this one word, and send the document then.
  return { hash, field: `${field}.sha256Hash`, absent: 'PersistedQueryNotFound' }
}

function notFound({ field, absent }: Reference): GatewayError {
  const message = `${field} names no registered operation of the workspace.`
  return new GatewayError('INVALID_INPUT', absent, { details: [{ field, message }] })
}

function documentIdOf(url: string): string | null {
  const start = url.indexOf('?')
  return start === -1 ? null : new URLSearchParams(url.slice(start)).get('documentId')
}

function callerOf(context: GraphQLContext): Caller | undefined {
  try {
    return context.caller()
  } catch (error) {
    if (error instanceof GatewayError) return undefined
    throw error
  }
}

/** As an error of GraphQL, behind which the server finds ours. */
function located(error: unknown): GraphQLError {
  const originalError = error instanceof Error ? error : new Error('thrown', { cause: error })
  return new GraphQLError(originalError.message, { originalError })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
