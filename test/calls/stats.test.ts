/** Figures are asked for in whole hours, over a bounded range, with an answer of bounded length. */
import { describe, expect, test } from 'vitest'
import { planStats } from '../../src/calls/stats.ts'
import type { CallDivision } from '../../src/store/call-hours.ts'
import { refusal } from '../store/fixtures.ts'

const until = new Date('2026-03-15T10:20:30Z')
const ago = (days: number) => new Date(until.getTime() - days * 86_400_000)
const whole: CallDivision = { limit: 20 }

describe('figures', () => {
  test('are of the full hours around what is asked for', () => {
    const { span } = planStats('ws_1', { since: new Date('2026-03-15T08:59:59Z'), until }, whole)
    expect([span.since.toISOString(), span.until.toISOString()]).toEqual([
      '2026-03-15T08:00:00.000Z',
      '2026-03-15T11:00:00.000Z',
    ])
    const exact = planStats('ws_1', { since: span.since, until: span.until }, whole).span
    expect([exact.since, exact.until]).toEqual([span.since, span.until])
  })

  test('are of the last day unless asked otherwise', () => {
    const { span } = planStats('ws_1', {}, whole)
    expect(span.until.getTime() - span.since.getTime()).toBe(86_400_000)
    expect(span.until.getTime()).toBeGreaterThanOrEqual(Date.now())
    expect(span.until.getTime()).toBeLessThan(Date.now() + 3_600_000)
  })

  test.each<[string, number, CallDivision]>([
    ['41 days by hour', 41, { per: 'HOUR', limit: 20 }],
    ['399 days by day', 399, { per: 'DAY', limit: 20 }],
    ['399 days at once, by 1,000 integrations', 399, { groupBy: 'INTEGRATION', limit: 1000 }],
    ['a day by hour and 40 integrations', 1, { per: 'HOUR', groupBy: 'INTEGRATION', limit: 40 }],
    ['six days by connection', 6, { groupBy: 'CONNECTION', limit: 20 }],
  ])('may be of %s', (_name, days, division) => {
    expect(planStats('ws_1', { since: ago(days), until }, division)).toMatchObject({ division })
  })

  test.each<[string, number, CallDivision, string, string]>([
    ['no time', 0, whole, 'filter.since', ''],
    [
      'more than 400 days',
      401,
      whole,
      'filter.since',
      'filter.since takes a time at most 400 days before the end; got 402.',
    ],
    [
      '42 days by hour',
      42,
      { per: 'HOUR', limit: 20 },
      'filter.since',
      'An answer has at most 1000 buckets; 1009 periods of 1 group may be more: ask for days, a shorter range or a smaller limit.',
    ],
    [
      'a month by day and 50 integrations',
      30,
      { per: 'DAY', groupBy: 'INTEGRATION', limit: 50 },
      'filter.since',
      'An answer has at most 1000 buckets; 31 periods of 50 groups may be more: ask for days, a shorter range or a smaller limit.',
    ],
    [
      'more than a week by connection',
      8,
      { groupBy: 'CONNECTION', limit: 20 },
      'filter.since',
      'filter.since takes a time at most 7 days before the end; got 9. Groups by connection are counted over a short time, or of one connection.',
    ],
    ['no group', 1, { groupBy: 'INTEGRATION', limit: 0 }, 'limit', 'limit takes a whole number from 1 to 1000; got 0.'],
    [
      'too many',
      1,
      { groupBy: 'INTEGRATION', limit: 1001 },
      'limit',
      'limit takes a whole number from 1 to 1000; got 1001.',
    ],
  ])('may not be of %s', (_name, days, division, field, message) => {
    const since = days === 0 ? new Date('2026-03-15T11:00:00Z') : ago(days)
    const expected = message || 'filter.since takes a time before filter.until, which is now when absent.'
    expect(() => planStats('ws_1', { since, until }, division)).toThrow(
      expect.objectContaining(refusal(field, expected)),
    )
  })

  test('by connection may be of longer when one connection is asked for', () => {
    const filter = { since: ago(300), until, connectionId: 'conn_1' }
    expect(planStats('ws_1', filter, { groupBy: 'CONNECTION', limit: 1 }).span.connectionId).toBe('conn_1')
  })
})
