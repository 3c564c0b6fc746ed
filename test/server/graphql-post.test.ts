/** The short way by itself, over a schema of its own: what it takes, what it leaves, and what it asks of the pipeline. */
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { buildSchema, type DocumentNode, type ExecutionResult, execute, parse, validate } from 'graphql'
import { describe, expect, test, vi } from 'vitest'
import type { Caller } from '../../src/access/caller.ts'
import { Memory } from '../../src/gateway/memory.ts'
import { answerText } from '../../src/graphql/answer-text.ts'
import { createBodyTaker, leaveToYoga } from '../../src/server/graphql-body.ts'
import { createCors } from '../../src/server/graphql-cors.ts'
import { createPostHandler, type Pipeline, type PostContext } from '../../src/server/graphql-post.ts'
import { exchange, readAnswer, requestOf } from './graphql-exchange.ts'

const schema = buildSchema(
  'type Query { hello(n: Int): String broken: String later: String } type Subscription { hello: String }',
)

/** A server whose short way counts what it asks for; what it leaves is answered with 299 and the body as Yoga would find it. */
async function openShortWay(rootValue: object = { hello: () => 'world' }) {
  const asked = { parse: 0, validate: 0, execute: 0 }
  const contexts: PostContext[] = []
  const left: IncomingMessage[] = []
  const pipeline = {
    schema,
    parse(source: string) {
      asked.parse += 1
      return parse(source)
    },
    validate(_schema: unknown, document: DocumentNode) {
      asked.validate += 1
      return validate(schema, document)
    },
    execute(args: object) {
      asked.execute += 1
      return execute({ ...(args as Parameters<typeof execute>[0]), schema, rootValue }) as Promise<ExecutionResult>
    },
  }
  const answerPost = createPostHandler({
    openPipeline(context): Pipeline {
      contexts.push(context)
      return { ...pipeline, contextFactory: () => context }
    },
    answers: { finish: result => result, write: result => answerText(result) },
    cors: createCors(['https://app.example', 'https://b.example']),
  })
  const takeBody = createBodyTaker({ memory: new Memory(), maxBytes: 10_000, prove: async () => ({}) as Caller })
  const server = createServer(async (request, response) => {
    const bytes = await takeBody(request, response)
    if (bytes === undefined || (await answerPost(request, response, 'req_1', bytes))) return
    left.push(request)
    leaveToYoga(request, bytes)
    const chunks: Buffer[] = []
    for await (const chunk of (request as unknown as { body: AsyncIterable<Buffer> }).body) chunks.push(chunk)
    response.writeHead(299).end(Buffer.concat(chunks))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    contexts,
    left,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

const line = 'POST /graphql HTTP/1.1'
const json = 'content-type: application/json'
const hello = '{"query":"{ hello }"}'

describe('the short way takes', () => {
  test.each<[string, readonly string[], string]>([
    ['a query', [line, json], hello],
    ['a charset', [line, `${json}; charset=utf-8`], hello],
    ['variables', [line, json], '{"query":"query($n: Int) { hello(n: $n) }","variables":{"n":1}}'],
    ['nulls', [line, json], '{"query":"{ hello }","variables":null,"operationName":null,"extensions":null}'],
    ['extensions', [line, json], '{"query":"{ hello }","extensions":{"clientLibrary":{"name":"a"}}}'],
    ['one operation of two', [line, json], '{"query":"query A { hello } query B { broken }","operationName":"A"}'],
    ['accept */*', [line, json, 'accept: */*'], hello],
    ['a browser’s accept', [line, json, 'accept: application/json, text/plain, */*'], hello],
    [
      'accept of a client that also streams',
      [line, json, 'accept: multipart/mixed;deferSpec=20220824,application/json, text/event-stream'],
      hello,
    ],
    ['an allowed origin', [line, json, 'origin: https://b.example'], hello],
    ['a refused origin', [line, json, 'origin: https://evil.example'], hello],
    ['HTTP/1.0', ['POST /graphql HTTP/1.0', json], hello],
  ])('%s', async (_what, head, body) => {
    await using way = await openShortWay()
    const answer = readAnswer(await exchange(way.port, requestOf(head, body)))
    expect(answer).toMatchObject({ status: 'HTTP/1.1 200 OK', body: '{"data":{"hello":"world"}}' })
    expect(way.asked.execute).toBe(1)
  })
})

describe('the short way leaves, with the body and unexecuted,', () => {
  test.each<[string, readonly string[], string]>([
    ['no JSON', [line, json], '{'],
    ['a batch', [line, json], `[${hello}]`],
    ['a number', [line, json], '9007199254740993'],
    ['no query', [line, json], '{}'],
    ['an unknown key', [line, json], '{"query":"{ hello }","more":1}'],
    ['extensions of another type', [line, json], '{"query":"{ hello }","extensions":[]}'],
    ['a syntax error', [line, json], '{"query":"{ hello"}'],
    ['an unknown field', [line, json], '{"query":"{ nothing }"}'],
    ['an unknown operation', [line, json], '{"query":"query A { hello }","operationName":"B"}'],
    ['two operations', [line, json], '{"query":"query A { hello } query B { hello }"}'],
    ['a subscription', [line, json], '{"query":"subscription { hello }"}'],
    ['another type', [line, 'content-type: text/plain'], hello],
    ['a list of types', [line, `${json}, text/plain`], hello],
    ['an encoding that is none', [line, json, 'content-encoding: identity'], hello],
    ['an event stream', [line, json, 'accept: text/event-stream'], hello],
    ['an accept of nothing here', [line, json, 'accept: image/png'], hello],
    ['a query string', ['POST /graphql?a=1 HTTP/1.1', json], hello],
    ['another method', ['PUT /graphql HTTP/1.1', json], hello],
    ['headers asked for by a browser', [line, json, 'access-control-request-headers: a'], hello],
  ])('%s', async (_what, head, body) => {
    await using way = await openShortWay()
    const answer = readAnswer(await exchange(way.port, requestOf(head, body)))
    expect([answer.status, answer.body]).toEqual(['HTTP/1.1 299 unknown', body])
    expect(way.asked.execute).toBe(0)
  })

  test('variables of another type, before a resolver runs', async () => {
    const resolve = vi.fn(() => 'world')
    await using way = await openShortWay({ hello: resolve })
    const body = '{"query":"query($n: Int) { hello(n: $n) }","variables":{"n":"x"}}'
    expect(readAnswer(await exchange(way.port, requestOf([line, json], body)))).toMatchObject({ body })
    expect(resolve).not.toHaveBeenCalled()
  })

  test('a body as something that has few keys, however long it is', async () => {
    await using way = await openShortWay()
    await exchange(way.port, requestOf([line, json], 'x'.repeat(10_000)))
    const [request] = way.left
    // Yoga lists the keys of a body to learn whether there is one.
    expect(Object.keys((request as unknown as { body: object }).body).length).toBeLessThan(100)
  })
})

describe('the short way', () => {
  test('parses and validates a document once, whatever its variables and operation', async () => {
    await using way = await openShortWay()
    const query = 'query A($n: Int) { hello(n: $n) } query B { hello }'
    for (const rest of [{ variables: { n: 1 } }, { variables: { n: 2 } }].map(more => ({
      operationName: 'A',
      ...more,
    }))) {
      await exchange(way.port, requestOf([line, json], JSON.stringify({ query, ...rest })))
    }
    await exchange(way.port, requestOf([line, json], JSON.stringify({ query, operationName: 'B' })))
    expect(way.asked).toEqual({ parse: 1, validate: 1, execute: 3 })
  })

  test('holds no more than half a million characters of documents', async () => {
    await using way = await openShortWay()
    const socketFor = (n: number) =>
      exchange(way.port, requestOf([line, json], `{"query":"${`{ a${n}: hello } #`.padEnd(9900, 'x')}"}`))
    for (let n = 0; n <= 50; n += 1) await socketFor(n)
    expect(way.asked.parse).toBe(51)
    await socketFor(50)
    expect(way.asked.parse).toBe(51)
    await socketFor(0)
    expect(way.asked.parse).toBe(52)
  })

  test('answers 500 when an executed result has no text, and does not execute it again', async () => {
    const endless: Record<string, unknown> = {}
    endless.self = endless
    await using way = await openShortWay({
      hello: () => {
        throw Object.assign(new Error('no'), { extensions: endless })
      },
    })
    const answer = readAnswer(await exchange(way.port, requestOf([line, json], hello)))
    expect(answer.status).toBe('HTTP/1.1 500 Internal Server Error')
    expect(JSON.parse(answer.body)).toEqual({ errors: [{ message: expect.any(String) }] })
    expect([way.asked.execute, way.left.length]).toEqual([1, 0])
  })

  test('aborts the signal of a client that leaves, and of no other', async () => {
    const { promise: started, resolve: start } = Promise.withResolvers<PostContext>()
    const never = new Promise<string>(() => undefined)
    await using way = await openShortWay({
      hello: () => 'world',
      later: (_args: object, context: PostContext) => {
        start(context)
        return never
      },
    })
    await exchange(way.port, requestOf([line, json], hello))
    const socket = connect(way.port, '127.0.0.1')
    socket.write(requestOf([line, json], '{"query":"{ later }"}').join(''))
    const { signal } = await started
    expect(signal.aborted).toBe(false)
    const aborted = new Promise(resolve => signal.addEventListener('abort', resolve))
    socket.destroy()
    await aborted
    expect(way.contexts.map(context => context.signal.aborted)).toEqual([false, true])
  })

  test('aborts at once a signal that is asked for after the client has left', async () => {
    const { promise: started, resolve: start } = Promise.withResolvers<PostContext>()
    await using way = await openShortWay({
      later: (_args: object, context: PostContext) => {
        start(context)
        return new Promise<string>(() => undefined)
      },
    })
    const socket = connect(way.port, '127.0.0.1')
    socket.write(requestOf([line, json], '{"query":"{ later }"}').join(''))
    const context = await started
    const closed = new Promise<void>(resolve => context.onClose(resolve))
    socket.destroy()
    await closed
    expect(context.signal.aborted).toBe(true)
  })

  test('forgets a request that breaks off in its body', async () => {
    await using way = await openShortWay()
    const socket = connect(way.port, '127.0.0.1')
    socket.write([line, json, 'host: g', 'content-length: 100', '', '{"query":'].join('\r\n'))
    await new Promise<void>(resolve => socket.end(resolve))
    expect(readAnswer(await exchange(way.port, requestOf([line, json], hello))).status).toBe('HTTP/1.1 200 OK')
    expect([way.contexts.length, way.left.length]).toEqual([1, 0])
  })
})
