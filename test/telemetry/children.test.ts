/** Labels are bounded: by what they may say, and by how many combinations are kept. */
import { Counter, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { Children } from '../../src/telemetry/children.ts'
import { methodLabel, statusLabel } from '../../src/telemetry/labels.ts'

test.each([
  ['GET', 'GET'],
  ['DELETE', 'DELETE'],
  ['get', 'OTHER'],
  ['PROPFIND', 'OTHER'],
  ['', 'OTHER'],
])('the method %j is the label %s', (method, label) => {
  expect(methodLabel(method)).toBe(label)
})

test.each([
  [101, '1xx'],
  [200, '2xx'],
  [299, '2xx'],
  [304, '3xx'],
  [404, '4xx'],
  [599, '5xx'],
  [600, 'other'],
  [999, 'other'],
  [0, 'other'],
  [null, 'none'],
])('the status %j is the label %s', (status, label) => {
  expect(statusLabel(status)).toBe(label)
})

test('what has no place of its own is counted together', async () => {
  const registry = new Registry()
  const counter = new Counter({ name: 'n', help: 'h', labelNames: ['a', 'b'], registers: [registry] })
  const children = new Children(counter, ['other', 'other'], 2)
  for (const a of ['x', 'y', 'z', 'w', 'x']) children.of(a, 'b').inc()
  expect(await registry.getSingleMetricAsString('n')).toBe(
    ['# HELP n h', '# TYPE n counter', 'n{a="x",b="b"} 2', 'n{a="y",b="b"} 1', 'n{a="other",b="other"} 2'].join('\n'),
  )
})

test('children of one name are one, and of others apart', async () => {
  const registry = new Registry()
  const counter = new Counter({ name: 'n', help: 'h', labelNames: ['a'], registers: [registry] })
  const children = new Children(counter, ['other'])
  expect(children.of('x')).toBe(children.of('x'))
  expect(children.of('x')).not.toBe(children.of('y'))
})
