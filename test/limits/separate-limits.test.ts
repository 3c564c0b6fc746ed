/** A path counts against the limit of the longest pattern that fits it, segment by segment. */
import { expect, test } from 'vitest'
import { limitOf } from '../../src/limits/separate-limits.ts'

const search = ['/search', '/search/code', '/graphql']
const each = ['/*', '/*/*']

test.each([
  ['/search?q=x', search, '/search'],
  ['/search/issues', search, '/search'],
  ['/search/code?q=/graphql', search, '/search/code'],
  ['search/code/', search, '/search/code'],
  ['/searches', search, ''],
  ['/%73earch/%63ode', search, '/search/code'],
  ['/search%2Fcode', search, ''],
  ['/%zz/%E4%BD%A0', ['/*'], '/%zz'],
  ['/repos/search/code', search, ''],
  ['', search, ''],
  ['/chat.postMessage', ['/*'], '/chat.postMessage'],
  ['/channels/1', each, '/channels/1'],
  ['/channels/1/messages', each, '/channels/1'],
  ['/channels', each, '/channels'],
  ['//channels//1', each, '/channels/1'],
  ['/a/*', ['/a/*'], '/a/*'],
  ['/x', [], ''],
  [`/${'x'.repeat(200)}`, ['/*'], ''],
])('%s by %j counts against "%s"', (path, patterns, expected) => {
  expect(limitOf(path, patterns)).toBe(expected)
})
