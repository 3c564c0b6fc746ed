/** What a vendor's answers make of its budget, in whatever order and with whatever figures they come. */
import { describe, expect, test } from 'vitest'
import { Account, type LearnedAnswer } from '../../src/limits/account.ts'

const start = Date.parse('2026-03-01T12:00:00Z')
const seconds = (count: number) => start + count * 1000

const answer = (status: number, headers: Record<string, string>): LearnedAnswer => ({
  status,
  header: name => headers[name],
})
const said = (remaining: string, reset: string, limit?: string) =>
  answer(200, {
    'ratelimit-remaining': remaining,
    'ratelimit-reset': reset,
    ...(limit === undefined ? {} : { 'ratelimit-limit': limit }),
  })

/** How many go out at once at that moment. */
function room(account: Account, nowMs: number): number {
  let count = 0
  while (count < 50 && account.take(nowMs) === 0) count++
  for (let open = 0; open < count; open++) account.close()
  return count
}

describe('figures that make no sense lock nothing: after the reset calls go out', () => {
  test.each([
    ['a limit of none', said('0', '10', '0')],
    ['more left than the limit', said('1000', '10', '3')],
    ['a negative limit', said('0', '10', '-5')],
    ['a limit that is no number', said('0', '10', 'NaN')],
    ['a negative rest', said('-1', '10', '5')],
    ['a rest that is no number', said('NaN', '10', '5')],
    ['a reset in no time', said('0', '0', '0')],
  ])('%s', (_what, nonsense) => {
    const account = new Account()
    account.learn(nonsense, start)
    expect(room(account, seconds(11))).toBeGreaterThanOrEqual(1)
  })

  test('what another process shares is believed no more', () => {
    const account = new Account()
    const budget = { limit: 0, remaining: 0, resetsAt: new Date(seconds(10)) }
    account.adopt({ budget, heldForMs: 0 }, start)
    expect([room(account, seconds(5)), room(account, seconds(11))]).toEqual([0, 1])
  })

  test('a window that ends in a year is asked about after an hour, and again after every other one', () => {
    const account = new Account()
    for (const hour of [0, 3600, 7200]) {
      account.learn(said('0', String(300 * 86_400)), seconds(hour))
      expect(room(account, seconds(hour + 3599))).toBe(0)
      expect(room(account, seconds(hour + 3601))).toBeGreaterThanOrEqual(1)
    }
  })
})

describe('a refusal with a time holds until then', () => {
  const refusal = answer(429, { 'retry-after': '30' })

  test.each([
    ['an answer of before it', said('5', '10', '10')],
    ['an answer of another window', said('5', '3000', '10')],
    ['a shorter refusal', answer(429, { 'retry-after': '1' })],
    ['an answer that says nothing', answer(200, {})],
  ])('whatever comes after it: %s', (_what, late) => {
    const account = new Account()
    account.learn(refusal, start)
    account.learn(late, seconds(0.1))
    expect([room(account, seconds(20)), room(account, seconds(29.9))]).toEqual([0, 0])
    expect(room(account, seconds(31))).toBeGreaterThanOrEqual(5)
  })

  test('a longer one lengthens it', () => {
    const account = new Account()
    account.learn(refusal, start)
    account.learn(answer(429, { 'retry-after': '60' }), seconds(1))
    expect([room(account, seconds(59)), room(account, seconds(62))]).toEqual([0, 50])
  })

  test('and is shown as nothing left until then', () => {
    const account = new Account()
    account.learn(refusal, start)
    account.learn(said('5', '10', '10'), start)
    expect(account.show(seconds(1))).toEqual({ limit: 10, remaining: 0, resetsAt: new Date(seconds(30)) })
    expect(account.show(seconds(30))).toEqual({ limit: 10, remaining: 5, resetsAt: new Date(seconds(10)) })
  })
})

describe('within one window the smaller figure counts, in a new one the new', () => {
  test.each([
    ['a moment', [String(seconds(30) / 1000), String(seconds(30) / 1000)]],
    ['seconds from now, an answer a little later', ['30', '30']],
    ['seconds from now, rounded', ['30', '28']],
  ])('its end is given as %s', (_what, [first = '', second = '']) => {
    const account = new Account()
    account.learn(said('4', first, '10'), start)
    account.learn(said('5', second, '10'), seconds(1.2))
    expect(account.show(seconds(2))?.remaining).toBe(4)
    account.learn(said('9', '30', '10'), seconds(29.5))
    expect(account.show(seconds(29.5))?.remaining).toBe(9)
  })

  test('an answer without an end is of the window that is known', () => {
    const account = new Account()
    account.learn(said('0', '30', '10'), start)
    account.learn(answer(200, { 'ratelimit-remaining': '7' }), seconds(1))
    expect(room(account, seconds(2))).toBe(0)
  })

  test('an answer of a window that is over changes nothing', () => {
    const account = new Account()
    account.learn(said('2', '30', '10'), start)
    account.learn(
      answer(200, { 'ratelimit-remaining': '9', 'ratelimit-reset': String(seconds(-5) / 1000) }),
      seconds(1),
    )
    expect(account.show(seconds(1))?.remaining).toBe(2)
  })

  test('a window that slides with every answer does not keep the smallest figure for ever', () => {
    const account = new Account()
    account.learn(said('1', '10', '10'), start)
    for (let second = 1; second <= 8; second++) account.learn(said('9', '10', '10'), seconds(second))
    expect(account.show(seconds(8))?.remaining).toBe(9)
  })

  test('windows shorter than the tolerance are told apart once the first is over', () => {
    const account = new Account()
    account.learn(said('0', '1', '10'), start)
    expect(room(account, seconds(0.9))).toBe(0)
    account.learn(said('9', '1', '10'), seconds(1))
    expect(room(account, seconds(1.1))).toBe(9)
  })
})
