/**
 * What a web page can make any browser send: a GET, or a POST of a form, without asking first. No cookie proves a caller here,
 * but a browser adds the key of a login prompt (Basic) by itself; so nothing of that kind may do more than ask.
 */
import { GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'

export interface SimpleRequestOptions {
  /** Whether a GET needs no header to run a query, as tools expect that explore a gateway. */
  readonly takesPlainGet: boolean
}

/** Names that clients use to say: no browser sent this without a preflight. */
const preflightHeaders = [
  'graphql-preflight',
  'apollo-require-preflight',
  'x-apollo-operation-name',
  'x-graphql-yoga-csrf',
]

const formTypes = ['multipart/form-data', 'application/x-www-form-urlencoded']

export function useSimpleRequestGuard({ takesPlainGet }: SimpleRequestOptions): Plugin {
  return {
    onRequestParse({ request, setRequestParser }) {
      if (isPreflighted(request.headers)) return
      const type = request.headers.get('content-type')?.toLowerCase() ?? ''
      const isForm = request.method === 'POST' && formTypes.some(known => type.startsWith(known))
      const isGet = request.method === 'GET' && !takesPlainGet
      if (!isForm && !isGet) return
      setRequestParser(() => {
        throw unasked(isForm ? 'A form' : 'A GET')
      })
    },
    onSubscribe({ args: { contextValue }, setResultAndStopExecution }) {
      const { request } = contextValue as { readonly request?: Request }
      if (request?.method !== 'GET' || isPreflighted(request.headers)) return
      setResultAndStopExecution({ errors: [unasked('A subscription by GET')] })
    },
  }
}

/** A browser asks the gateway before it sends any of these headers for a page of another origin. */
function isPreflighted(headers: Pick<Headers, 'get'>): boolean {
  if (headers.get('x-api-key') !== null || preflightHeaders.some(name => headers.get(name) !== null)) return true
  const authorization = headers.get('authorization')
  // What browsers answer a login prompt with, they repeat without being told to.
  return authorization !== null && !/^(?:basic|digest|negotiate|ntlm)(?: |$)/i.test(authorization)
}

/** 400 to every client: it never became a request. */
function unasked(what: string): GraphQLError {
  const message = `${what} takes the header graphql-preflight, with any value, unless authorization holds a Bearer token or x-api-key is there.`
  return new GraphQLError(message, { extensions: { http: { status: 400 }, originalError: new Error(message) } })
}
