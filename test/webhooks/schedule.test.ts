/** When a delivery that failed comes again: the ladder of the standard, spread, and never sooner than the endpoint asks. */
import { expect, test } from 'vitest'
import { retryDelayMs } from '../../src/webhooks/schedule.ts'

const hour = 3_600_000

test('the delays are those that the standard recommends, then none', () => {
  const delays = Array.from({ length: 12 }, (_, index) => retryDelayMs(index + 1, 0.5))
  const hours = [2, 5, 10, 14, 20, 24].map(count => count * hour)
  expect(delays).toEqual([5_000, 300_000, 1_800_000, ...hours, null, null, null])
})

test('chance moves a delay by a fifth at most', () => {
  expect(retryDelayMs(2, 0)).toBe(240_000)
  expect(retryDelayMs(2, 1)).toBe(360_000)
})

test.each([
  [429, '60', 60_000],
  [503, '60', 60_000],
  [503, '1', 5_000],
  [503, '999999999', 24 * hour],
  [500, '60', 5_000],
  [429, 'Sat, 21 Nov 2026 09:30:00 GMT', 5_000],
  [429, '-5', 5_000],
  [429, null, 5_000],
  [429, '1e9', 5_000],
])('an answer %d that asks to wait %s', (status, retryAfter, expected) => {
  expect(retryDelayMs(1, 0.5, { status, retryAfter })).toBe(expected)
})
