/** A document by its hash, and a key that runs registered documents only: the same on both ways to the schema. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { GraphQLSchema } from 'graphql'
import { createSchema, createYoga } from 'graphql-yoga'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Caller } from '../../src/access/caller.ts'
import { hashDocument, RegisteredOperations } from '../../src/access/registered-operations.ts'
import { readAccessToken } from '../../src/access/token.ts'
import { GatewayError } from '../../src/errors.ts'
import { Memory } from '../../src/gateway/memory.ts'
import { answerText } from '../../src/graphql/answer-text.ts'
import type { GraphQLContext } from '../../src/graphql/context.ts'
import { faceOf } from '../../src/graphql/errors.ts'
import { createBodyTaker, hasBody, leaveToYoga } from '../../src/server/graphql-body.ts'
import { createCors } from '../../src/server/graphql-cors.ts'
import { createPostHandler, type Pipeline, type PostContext } from '../../src/server/graphql-post.ts'
import { useRegisteredOperations } from '../../src/server/graphql-registered.ts'
import type { RegisteredOperationRow, RegisteredOperationStore } from '../../src/store/registered-operations.ts'

const documents = [
  'query Hello($n: Int) { hello(n: $n) }',
  'mutation Raise { raise }',
  'subscription Ticks { tick }',
  'query Later { nothingAnyMore }',
]
const [hello = '', raise = '', ticks = '', later = ''] = documents
const other = 'query Other { hello }'
const otherTicks = 'subscription Other { tick }'
const ways = ['short', 'yoga'] as const

/** What ran, in the order in which it ran. */
const ran: string[] = []

const schema: GraphQLSchema = createSchema({
  typeDefs: 'type Query { hello(n: Int): Int } type Mutation { raise: Int } type Subscription { tick: Int }',
  resolvers: {
    Query: { hello: (_root, { n = 0 }: { n?: number }) => note(`hello ${n}`, n) },
    Mutation: { raise: () => note('raise', 1) },
    Subscription: {
      tick: {
        async *subscribe() {
          yield { tick: note('tick', 1) }
        },
      },
    },
  },
})

function note(what: string, answer: number): number {
  ran.push(what)
  return answer
}

/** The partner's workspace has the documents, that of the stranger has none. */
const callers: Readonly<Record<string, Pick<Caller, 'workspaceId' | 'registeredOnly'>>> = {
  whole: { workspaceId: 'ws_1', registeredOnly: false },
  partner: { workspaceId: 'ws_1', registeredOnly: true },
  stranger: { workspaceId: 'ws_2', registeredOnly: false },
}

const store: Pick<RegisteredOperationStore, 'findByHash'> = {
  async findByHash(workspaceId, hash) {
    const document = documents.find(text => hashDocument(text) === hash)
    if (workspaceId !== 'ws_1' || document === undefined) return undefined
    return { workspaceId, hash, document } as RegisteredOperationRow
  },
}

async function prove({ headers }: IncomingMessage): Promise<Caller | GatewayError> {
  if (readAccessToken(headers) === 'guesser') return new GatewayError('RATE_LIMITED', 'Too many guesses.')
  const caller = callers[readAccessToken(headers) ?? '']
  return caller === undefined ? new GatewayError('UNAUTHENTICATED', 'No key.') : (caller as Caller)
}

const stack = new AsyncDisposableStack()
const urls = { short: '', yoga: '' }

beforeAll(async () => {
  for (const way of ways) urls[way] = await listen(way === 'short')
})
afterAll(() => stack.disposeAsync())

/** As the gateway has it: Yoga, the hook, and the short way into the same pipeline. */
async function listen(isShort: boolean): Promise<string> {
  const operations = new RegisteredOperations(store as RegisteredOperationStore)
  const yoga = createYoga<{ readonly req: IncomingMessage }, GraphQLContext>({
    schema,
    logging: false,
    maskedErrors: false,
    context: async ({ req }) => {
      const proved = await prove(req)
      const caller = () => {
        if (proved instanceof GatewayError) throw proved
        return proved
      }
      return { caller } as GraphQLContext
    },
    plugins: [
      useRegisteredOperations({ operations, prove }),
      {
        onResultProcess({ result, setResult }) {
          if (!('errors' in result) || result.errors === undefined) return
          setResult({ ...result, errors: result.errors.map(error => faceOf(error, 'req_1').error) })
        },
      },
    ],
  })
  const answerPost = createPostHandler({
    openPipeline: yoga.getEnveloped as unknown as (context: PostContext) => Pipeline,
    answers: { finish: result => result, write: result => answerText(result) },
    cors: createCors([]),
  })
  const takeBody = createBodyTaker({ memory: new Memory(), maxBytes: 100_000, prove })
  const server = createServer(async (req, response) => {
    const bytes = hasBody(req) ? await takeBody(req, response) : undefined
    if (bytes !== undefined) {
      if (isShort && (await answerPost(req, response, 'req_1', bytes))) return
      leaveToYoga(req, bytes)
    }
    await yoga(req, response, { req })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  stack.defer(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`
}

const apq = (text: string, more: object = {}) => ({
  extensions: { persistedQuery: { version: 1, sha256Hash: hashDocument(text), ...more } },
})

describe.each(ways)('on the way "%s"', way => {
  async function send(key: string, body: unknown, headers: Record<string, string> = {}) {
    ran.length = 0
    const response = await fetch(urls[way], {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
      body: body instanceof FormData || typeof body === 'string' ? body : JSON.stringify(body),
    })
    return await read(response)
  }

  async function get(key: string, parameters: Record<string, string>) {
    ran.length = 0
    const url = `${urls[way]}?${new URLSearchParams(parameters)}`
    return await read(await fetch(url, { headers: { authorization: `Bearer ${key}`, accept: 'application/json' } }))
  }

  async function read(response: Response) {
    const text = await response.text()
    const { data, errors } = text.startsWith('{') ? JSON.parse(text) : { data: undefined, errors: undefined }
    const refusal = errors?.map(({ message, extensions }: { message: string; extensions: { code: string } }) => [
      extensions.code,
      message,
    ])
    return { status: response.status, text, data, refusal }
  }

  const forbidden = [['FORBIDDEN', 'This access key runs registered operations only, and this is none of them.']]

  describe.each(['whole', 'partner'])('a document named by its hash runs for the key "%s"', key => {
    const variables = { n: 7 }
    test.each([
      ['as Apollo writes it', { ...apq(hello), variables }],
      ['beside a null query', { query: null, ...apq(hello), variables }],
      ['with its operation named', { ...apq(hello), variables, operationName: 'Hello' }],
      ['as a document id', { documentId: `sha256:${hashDocument(hello)}`, variables }],
      ['as a bare hash', { documentId: hashDocument(hello).toUpperCase(), variables }],
      ['by its text', { query: hello, variables }],
    ])('%s', async (_, body) => {
      expect(await send(key, body)).toMatchObject({ status: 200, data: { hello: 7 } })
      expect(ran).toEqual(['hello 7'])
    })

    test('in a query string', async () => {
      const values = JSON.stringify(variables)
      const byId = await get(key, { documentId: `sha256:${hashDocument(hello)}`, variables: values })
      const byHash = await get(key, { extensions: JSON.stringify(apq(hello).extensions), variables: values })
      expect([byId.data, byHash.data]).toEqual([{ hello: 7 }, { hello: 7 }])
    })

    test('a mutation, by POST and not by GET', async () => {
      expect((await send(key, apq(raise))).data).toEqual({ raise: 1 })
      const refused = await get(key, { documentId: hashDocument(raise) })
      expect(refused.status).toBe(405)
      expect(ran).toEqual([])
    })

    test('a subscription, as an event stream', async () => {
      const { text } = await send(key, apq(ticks), { accept: 'text/event-stream' })
      expect(text).toContain('data: {"data":{"tick":1}}')
    })

    test('and is validated again: the schema may have changed', async () => {
      const { refusal } = await send(key, apq(later))
      expect(refusal).toEqual([['INVALID_INPUT', 'Cannot query field "nothingAnyMore" on type "Query".']])
    })
  })

  describe('nothing else runs for a key of registered operations', () => {
    test.each([
      ['another document', { query: other }],
      ['the same with a space more', { query: `${hello} ` }],
      ['the same with a field more', { query: hello.replace('hello(n', 'more: hello hello(n') }],
      ['introspection', { query: '{ __schema { types { name } } }' }],
      ['__typename', { query: '{ __typename }' }],
      ['what is not valid, without a word about the schema', { query: '{ helo }' }],
      ['what is no document', { query: '{' }],
      ['an empty document', { query: '' }],
      ['a query that is no text', { query: { kind: 'Document' } }],
      ['another document under a registered hash', { query: other, ...apq(hello) }],
      ['no document at all', {}],
    ])('%s', async (_, body) => {
      expect((await send('partner', body)).refusal).toEqual(forbidden)
      expect(ran).toEqual([])
    })

    test('a document that another key ran before', async () => {
      expect((await send('whole', { query: other })).data).toEqual({ hello: 0 })
      expect((await send('partner', { query: other })).refusal).toEqual(forbidden)
    })

    test('by whichever way it comes', async () => {
      const form = new FormData()
      form.set('operations', JSON.stringify({ query: other }))
      form.set('map', '{}')
      const authorization = { authorization: 'Bearer partner' }
      const tries = [
        () => fetch(urls[way], { method: 'POST', headers: authorization, body: form }),
        () => fetch(urls[way], { method: 'POST', headers: authorization, body: new URLSearchParams({ query: other }) }),
      ]
      for (const attempt of tries) {
        ran.length = 0
        expect((await read(await attempt())).refusal).toEqual(forbidden)
      }
      expect((await get('partner', { query: other })).refusal).toEqual(forbidden)
      const text = await send('partner', other, { 'content-type': 'application/graphql' })
      expect(text.refusal).toEqual(forbidden)
      const stream = await send('partner', { query: otherTicks }, { accept: 'text/event-stream' })
      expect(stream.text).toContain('registered operations only')
      expect(ran).toEqual([])
    })
  })

  test.each([
    ['an unknown hash', apq(other), 'PersistedQueryNotFound'],
    [
      'an unknown document id',
      { documentId: hashDocument(other) },
      'documentId names no registered operation of the workspace.',
    ],
    [
      'both a document and its id',
      { query: hello, documentId: hashDocument(hello) },
      'A request takes query or documentId, not both.',
    ],
    ['no hash', { documentId: 'hello' }, 'documentId takes "sha256:" and the hash in hexadecimal.'],
    ['a number', { documentId: 7 }, 'documentId takes "sha256:" and the hash in hexadecimal.'],
    ['another version', apq(hello, { version: 2 }), 'extensions.persistedQuery.version takes 1.'],
    [
      'a hash that is none',
      apq(hello, { sha256Hash: ['a'] }),
      'extensions.persistedQuery.sha256Hash takes a hash in hexadecimal.',
    ],
  ])('%s is refused in words', async (_, body, message) => {
    for (const key of ['whole', 'partner']) {
      expect((await send(key, body)).refusal).toEqual([['INVALID_INPUT', message]])
      expect(ran).toEqual([])
    }
  })

  test('a hash is one of the caller’s own workspace, and needs a key', async () => {
    expect((await send('stranger', apq(hello))).refusal).toEqual([['INVALID_INPUT', 'PersistedQueryNotFound']])
    expect((await send('nobody', apq(hello))).refusal).toEqual([['UNAUTHENTICATED', 'No key.']])
    expect((await send('guesser', apq(hello))).refusal).toEqual([['RATE_LIMITED', 'Too many guesses.']])
    for (const key of ['nobody', 'guesser']) {
      // What needs no key is for all, and a field that needs one refuses by itself.
      expect(await send(key, { query: other })).toMatchObject({ status: 200, data: { hello: 0 } })
    }
  })

  test('a client that sends the document after an unknown hash gets its answer', async () => {
    expect((await send('whole', { query: other, ...apq(other) })).data).toEqual({ hello: 0 })
    // It was not remembered: the next hash is unknown again.
    expect((await send('whole', apq(other))).refusal).toEqual([['INVALID_INPUT', 'PersistedQueryNotFound']])
  })
})
