/** Spans reach a collector, as many as the operator wants and no caller more, and one that is away costs nothing but spans. */
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { startTraceExport, type TraceExportOptions } from '../../src/telemetry/export-traces.ts'
import { startTracing } from '../../src/telemetry/start-tracing.ts'
import { Tracing } from '../../src/telemetry/tracing.ts'
import { createCollector } from '../support/otlp.ts'

const callersTrace = 'a'.repeat(32)
const callersSpan = 'b'.repeat(16)
const traceparent = (flags: string) => `00-${callersTrace}-${callersSpan}-${flags}`

function start(url: string, options: Partial<TraceExportOptions> = {}) {
  const failures: unknown[] = []
  const onFailure = (error: unknown) => failures.push(error)
  const defaults = { serviceName: 'gate', version: '1.2.3', ratio: 1, onFailure }
  const exported = startTraceExport({ url: `${url}/v1/traces`, ...defaults, ...options })
  return { tracing: new Tracing(exported.tracer), failures, end: () => exported[Symbol.asyncDispose]() }
}

describe('spans', () => {
  test('arrive below one another, with the service they are of', async () => {
    await using collector = await createCollector()
    const { tracing, end } = start(collector.url)
    const request = tracing.startRequest({ name: 'GET /' }, traceparent('01'))
    await tracing.run(request, () =>
      tracing.within({ name: 'outer' }, async () => {
        await Promise.resolve()
        await tracing.within({ name: 'inner', attributes: { a: 'b' } }, async span => span?.setAttribute('n', 1))
      }),
    )
    request?.end()
    await end()
    const [inner, outer, server] = collector.spans
    expect(server).toMatchObject({ name: 'GET /', kind: 2, traceId: callersTrace, parentSpanId: callersSpan })
    expect(outer).toMatchObject({ name: 'outer', traceId: callersTrace, parentSpanId: server?.spanId })
    expect(inner).toMatchObject({ name: 'inner', traceId: callersTrace, parentSpanId: outer?.spanId })
    expect(inner?.attributes).toEqual({ a: 'b', n: 1 })
    expect(collector.resource()).toMatchObject({ 'service.name': 'gate', 'service.version': '1.2.3' })
  })

  test('of what failed have the code of the error, and nothing that it says', async () => {
    await using collector = await createCollector()
    const { tracing, end } = start(collector.url)
    const known = new GatewayError('POLICY_DENIED', 'canary says no')
    for (const error of [known, new Error('canary', { cause: known }), new Error('canary')]) {
      const failed = tracing.within({ name: 'x' }, () => Promise.reject(error))
      await expect(failed).rejects.toBe(error)
    }
    await end()
    const codes = collector.spans.map(({ attributes, isError }) => [attributes['error.type'], isError])
    expect(codes).toEqual([
      ['POLICY_DENIED', true],
      ['POLICY_DENIED', true],
      ['INTERNAL', true],
    ])
    expect(collector.bodies.join('')).not.toContain('canary')
  })

  test.each([
    ['none', undefined],
    ['of nonsense', 'canary'],
    ['of zeros', `00-${'0'.repeat(32)}-${callersSpan}-01`],
    ['of a version that cannot be', `ff-${callersTrace}-${callersSpan}-01`],
  ])('begin a trace of their own for a traceparent %s', async (_what, header) => {
    await using collector = await createCollector()
    const { tracing, end } = start(collector.url)
    tracing.startRequest({ name: 'x' }, header)?.end()
    await end()
    expect(collector.spans).toHaveLength(1)
    expect(collector.spans[0]?.traceId).toMatch(/^(?!a{32})[\da-f]{32}$/)
    expect(collector.spans[0]?.parentSpanId ?? '').toBe('')
  })
})

describe('which traces are kept', () => {
  test.each([
    ['all', 1, undefined, 50],
    ['none', 0, undefined, 0],
    ['none, whatever a caller wants', 0, '01', 0],
    ['none that a caller does not want', 1, '00', 0],
  ])('%s (ratio %d, flags %s)', async (_what, ratio, flags, expected) => {
    await using collector = await createCollector()
    const { tracing, end } = start(collector.url, { ratio })
    const header = flags === undefined ? undefined : traceparent(flags)
    for (let n = 0; n < 50; n += 1) {
      const request = tracing.startRequest({ name: 'x' }, header)
      tracing.run(request, () => tracing.start({ name: 'y' })?.end())
      request?.end()
    }
    await end()
    expect(collector.spans.filter(({ name }) => name === 'x')).toHaveLength(expected)
    expect(collector.spans.filter(({ name }) => name === 'y')).toHaveLength(expected)
  })

  test('a part, even of requests that all have one id of a caller’s choice', async () => {
    await using collector = await createCollector()
    const { tracing, end } = start(collector.url, { ratio: 0.5 })
    for (let n = 0; n < 1000; n += 1) tracing.startRequest({ name: 'x' }, traceparent('01'))?.end()
    await end()
    expect(collector.spans.length).toBeGreaterThan(300)
    expect(collector.spans.length).toBeLessThan(700)
  })
})

describe('a collector that', () => {
  test('refuses is told of, and no span waits for it', async () => {
    await using collector = await createCollector(400)
    const { tracing, failures, end } = start(collector.url)
    tracing.start({ name: 'x' })?.end()
    await end()
    expect(failures).toHaveLength(1)
    expect(collector.bodies).toHaveLength(1)
  })

  test('never answers does not keep the process', async () => {
    const sockets = new Set<{ destroy(): void }>()
    const silent = createServer(socket => sockets.add(socket))
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : 0
    const { tracing, end } = start(`http://127.0.0.1:${port}`)
    for (let n = 0; n < 10_000; n += 1) tracing.start({ name: 'x' })?.end()
    await end()
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => silent.close(resolve))
  })
})

test('without a collector there is no span', async () => {
  await using started = await startTracing({
    url: undefined,
    serviceName: 'gate',
    version: '1',
    ratio: 1,
    onFailure: () => {},
  })
  const { tracing } = started
  expect(tracing.isOn).toBe(false)
  expect(tracing.startRequest({ name: 'x' }, traceparent('01'))).toBeUndefined()
  expect(await tracing.within({ name: 'x' }, async span => span)).toBeUndefined()
  expect(tracing.run(undefined, () => 1)).toBe(1)
})
