/** An upstream that cannot be reached: no address, no listener, no handshake; each with its code, none after the deadline. */
import { createServer as createTlsServer } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { createCore, createLookup, createRawUpstream, failureOf } from '../support/passthrough-core.ts'
import { testTls } from '../support/tls.ts'

describe('an upstream that', () => {
  test('is not there', async () => {
    const gone = await createRawUpstream()
    await gone[Symbol.asyncDispose]()
    await using core = createCore({ url: gone.url })
    const failure = await failureOf(core.send({ method: 'POST', body: 'four' }))
    expect([failure.error.code, failure.message]).toEqual([
      'UPSTREAM_UNREACHABLE',
      'The upstream cannot be connected to (ECONNREFUSED).',
    ])
    expect(failure.outcome).toMatchObject({ executed: true, attempts: 1, bytesSent: 0, bytesReceived: 0 })
  })

  test('has no address', async () => {
    const { lookup } = createLookup({})
    await using core = createCore({ url: 'https://nowhere.test.example', lookup })
    const failure = await failureOf(core.send({}))
    expect([failure.error.code, failure.message]).toEqual([
      'UPSTREAM_UNREACHABLE',
      'The upstream’s host name cannot be resolved (ENOTFOUND).',
    ])
    expect(failure.outcome).toMatchObject({ attempts: 1, bytesSent: 0 })
  })

  test.each(['ESERVFAIL', 'EAI_AGAIN', 'EREFUSED', 'ETIMEOUT', 'ENODATA'])(
    'has a resolver that fails with %s',
    async code => {
      await using core = createCore({
        url: 'https://nowhere.test.example',
        lookup: (_host, _options, callback) =>
          callback(Object.assign(new Error(`queryA ${code}`), { code, syscall: 'queryA' }), ''),
      })
      const { error } = await failureOf(core.send({}))
      expect(error.code).toBe(code === 'ETIMEOUT' ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_UNREACHABLE')
      expect(error.message).toContain(`(${code}).`)
    },
  )

  test('has a resolver that never answers: the deadline covers it', async () => {
    await using core = createCore({ url: 'https://slow.test.example', lookup: () => {} })
    const failure = await failureOf(core.send({ options: { timeoutMs: 100 } }))
    expect([failure.error.code, failure.message]).toEqual([
      'UPSTREAM_TIMEOUT',
      'The upstream did not answer within 100 ms (options.timeoutMs).',
    ])
  })

  test('never completes the handshake: the deadline covers it, and so does the connector', async () => {
    await using upstream = await createRawUpstream()
    const url = `https://127.0.0.1:${upstream.port}`
    for (const [connectTimeoutMs, message] of [
      [10_000, 'The upstream did not answer within 300 ms (options.timeoutMs).'],
      [100, 'The upstream did not answer in time (UND_ERR_CONNECT_TIMEOUT).'],
    ] as const) {
      await using core = createCore({ url, allow: `127.0.0.1:${upstream.port}`, connectTimeoutMs })
      const timeoutMs = connectTimeoutMs === 100 ? 5000 : 300
      const failure = await failureOf(core.send({ options: { timeoutMs } }))
      expect([failure.error.code, failure.message]).toEqual(['UPSTREAM_TIMEOUT', message])
      expect(failure.outcome).toMatchObject({ executed: true, attempts: 1, bytesSent: 0 })
    }
  })

  test('has a certificate of its own making', async () => {
    const server = createTlsServer(testTls, socket => socket.on('error', () => {})).listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    await using core = createCore({ url: `https://127.0.0.1:${port}`, allow: `127.0.0.1:${port}` })
    const failure = await failureOf(core.send({ method: 'POST', body: 'four' }))
    expect([failure.error.code, failure.message]).toEqual([
      'UPSTREAM_TLS',
      'The TLS handshake with the upstream failed, or its certificate is not valid for the host (DEPTH_ZERO_SELF_SIGNED_CERT).',
    ])
    expect(failure.outcome).toMatchObject({ executed: true, attempts: 1, bytesSent: 0 })
    server.close()
  })

  test('speaks plain HTTP where TLS is expected', async () => {
    await using upstream = await createRawUpstream(socket => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await using core = createCore({ url: `https://127.0.0.1:${upstream.port}`, allow: `127.0.0.1:${upstream.port}` })
    const failure = await failureOf(core.send({}))
    expect(failure.error.code).toBe('UPSTREAM_TLS')
  })
})
