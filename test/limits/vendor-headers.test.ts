import { afterEach, describe, expect, test, vi } from 'vitest'
import hubspot from '../../src/catalog/entries/hubspot.json' with { type: 'json' }
import { type RateHints, readBudget, readRetryAfter } from '../../src/limits/vendor-headers.ts'

const now = Date.parse('2026-03-01T12:00:00Z')
const epoch = now / 1000
const http = (ms: number) => new Date(ms).toUTCString()
const reader = (headers: Record<string, string>) => (name: string) => headers[name]

const github: RateHints = {
  after: 'retry-after',
  at: 'x-ratelimit-reset',
  remaining: 'x-ratelimit-remaining',
}

describe('what is left', () => {
  test.each<
    [string, Record<string, string>, RateHints | undefined, [number | null, number, number | null] | undefined]
  >([
    [
      'GitHub: epoch seconds',
      { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': String(epoch + 60) },
      github,
      [5000, 4999, 60_000],
    ],
    [
      'Zendesk: seconds from now',
      { 'ratelimit-limit': '700', 'ratelimit-remaining': '0', 'ratelimit-reset': '41' },
      undefined,
      [700, 0, 41_000],
    ],
    [
      'Pipedrive: seconds from now',
      { 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '19', 'x-ratelimit-reset': '2' },
      undefined,
      [20, 19, 2000],
    ],
    [
      'milliseconds of the epoch',
      { 'x-rate-limit-limit': '10', 'x-rate-limit-remaining': '3', 'x-rate-limit-reset': String(now + 1500) },
      undefined,
      [10, 3, 1500],
    ],
    [
      'a date',
      { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': '2026-03-01T12:00:09Z' },
      undefined,
      [10, 3, 9000],
    ],
    [
      'HubSpot: the length of the window, no reset',
      {
        'x-hubspot-ratelimit-max': '190',
        'x-hubspot-ratelimit-remaining': '188',
        'x-hubspot-ratelimit-interval-milliseconds': '10000',
        'x-hubspot-ratelimit-daily': '625000',
        'x-hubspot-ratelimit-daily-remaining': '624990',
      },
      hubspot.retry,
      [190, 188, 10_000],
    ],
    [
      'HubSpot: the day is nearly over',
      {
        'x-hubspot-ratelimit-max': '190',
        'x-hubspot-ratelimit-remaining': '188',
        'x-hubspot-ratelimit-interval-milliseconds': '10000',
        'x-hubspot-ratelimit-daily': '625000',
        'x-hubspot-ratelimit-daily-remaining': '4',
      },
      hubspot.retry,
      [625_000, 4, null],
    ],
    [
      'Trello: the length of the window in other words',
      {
        'x-rate-limit-api-token-max': '100',
        'x-rate-limit-api-token-remaining': '99',
        'x-rate-limit-api-token-interval-ms': '10000',
      },
      { remaining: 'x-rate-limit-api-token-remaining' },
      [100, 99, 10_000],
    ],
    [
      'a vendor’s own header beside the usual ones',
      { 'x-left': '5', 'ratelimit-limit': '10', 'ratelimit-remaining': '5', 'ratelimit-reset': '30' },
      { remaining: 'x-left' },
      [10, 5, 30_000],
    ],
    [
      'a vendor’s own header and usual ones that are tighter',
      { 'x-left': '5', 'ratelimit-limit': '10', 'ratelimit-remaining': '1', 'ratelimit-reset': '30' },
      { remaining: 'x-left' },
      [10, 1, 30_000],
    ],
    [
      'a limit of none is none to go by',
      { 'ratelimit-limit': '0', 'ratelimit-remaining': '0', 'ratelimit-reset': '30' },
      undefined,
      [null, 0, 30_000],
    ],
    [
      'nor is one that is less than what is left',
      { 'ratelimit-limit': '3', 'ratelimit-remaining': '9', 'ratelimit-reset': '30' },
      undefined,
      [null, 9, 30_000],
    ],
    [
      'a reset or an interval without end is none',
      { ratelimit: '"a";r=1;t=999999999999999', 'x-own-remaining': '2', 'x-own-interval-ms': '999999999999999' },
      { remaining: 'x-own-remaining' },
      [null, 1, null],
    ],
    [
      'several windows in one figure',
      { 'ratelimit-limit': '100, 100;w=60, 1000;w=3600', 'ratelimit-remaining': '7', 'ratelimit-reset': '5' },
      undefined,
      [100, 7, 5000],
    ],
    ['draft 7', { ratelimit: 'limit=100, remaining=50, reset=5' }, undefined, [100, 50, 5000]],
    [
      'draft 8 and later: the tightest policy',
      {
        ratelimit: '"hour";r=900;t=1200, "burst";r=3;t=2',
        'ratelimit-policy': '"hour";q=1000;w=3600,"burst";q=10;w=10',
      },
      undefined,
      [10, 3, 2000],
    ],
    [
      'a vendor’s own name',
      { 'x-left': '0', 'x-again': String(epoch + 5) },
      { remaining: 'x-left', at: 'x-again' },
      [null, 0, 5000],
    ],
    ['none', { 'content-type': 'application/json' }, github, undefined],
    ['no figure', { 'x-ratelimit-remaining': 'many' }, undefined, undefined],
    ['a negative figure', { 'x-ratelimit-remaining': '-1' }, undefined, undefined],
    ['NaN', { 'x-ratelimit-remaining': 'NaN', 'x-ratelimit-reset': 'NaN' }, undefined, undefined],
    ['beyond numbers', { 'x-ratelimit-remaining': '9'.repeat(400) }, undefined, undefined],
    [
      'a reset in the year 9999 is no reset',
      { 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': 'Fri, 31 Dec 9999 23:59:59 GMT' },
      undefined,
      [null, 1, null],
    ],
    ['1e308 is no reset', { 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': '1e308' }, undefined, [null, 1, null]],
  ])('%s', (_what, headers, hints, expected) => {
    const budget = readBudget(reader(headers), hints, now)
    const found = budget && [budget.limit, budget.remaining, budget.resetsAt && budget.resetsAt.getTime() - now]
    expect(found).toEqual(expected)
  })

  test('a header without end is read in no time', () => {
    const flood = `"a";r=1;t=1,${'x;'.repeat(500_000)}`
    expect(readBudget(reader({ ratelimit: flood, 'ratelimit-policy': flood }), undefined, now)).toBeUndefined()
    expect(readRetryAfter(429, reader({ 'retry-after': '9'.repeat(1_000_000) }), undefined, now)).toBeUndefined()
  })
})

describe('how long to wait', () => {
  test.each<[string, number, Record<string, string>, RateHints | undefined, number | undefined]>([
    ['seconds', 429, { 'retry-after': '7' }, undefined, 7000],
    ['parts of seconds', 503, { 'retry-after': '0.25' }, undefined, 250],
    ['an HTTP date', 503, { 'retry-after': http(now + 5000) }, undefined, 5000],
    ['a date that is past', 503, { 'retry-after': http(now - 5000) }, undefined, 0],
    ['milliseconds', 429, { 'retry-after-ms': '1200' }, undefined, 1200],
    ['a vendor’s own header', 429, { 'x-wait': '3' }, { after: 'x-wait' }, 3000],
    ['a moment, on 429', 429, { 'x-ratelimit-reset': String(epoch + 9) }, github, 9000],
    [
      'a moment, when nothing is left',
      403,
      { 'x-ratelimit-reset': String(epoch + 9), 'x-ratelimit-remaining': '0' },
      github,
      9000,
    ],
    ['a moment on a 500 is none', 500, { 'x-ratelimit-reset': String(epoch + 40_000) }, github, undefined],
    [
      'a moment on a 500 with calls left is none',
      500,
      { 'x-ratelimit-reset': String(epoch + 40_000), 'x-ratelimit-remaining': '9' },
      github,
      undefined,
    ],
    ['a status of the entry’s list', 420, { 'x-at': String(epoch + 2) }, { at: 'x-at', statuses: [420] }, 2000],
    ['the RateLimit draft on 429', 429, { ratelimit: '"default";r=0;t=30' }, undefined, 30_000],
    ['nothing', 429, {}, github, undefined],
    ['garbage', 429, { 'retry-after': 'soon' }, undefined, undefined],
    ['a negative wait', 429, { 'retry-after': '-5' }, undefined, undefined],
    ['1970', 429, { 'x-ratelimit-reset': 'Thu, 01 Jan 1970 00:00:00 GMT' }, github, undefined],
  ])('%s', (_what, status, headers, hints, expected) => {
    expect(readRetryAfter(status, reader(headers), hints, now)).toBe(expected)
  })
})

describe('a date without a zone is in UTC, wherever the machine is', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })
  test.each(['America/New_York', 'Asia/Kolkata', 'UTC'])('in %s', zone => {
    vi.stubEnv('TZ', zone)
    const winterMinutes = { 'America/New_York': 300, 'Asia/Kolkata': -330, UTC: 0 }[zone]
    expect(new Date(2026, 0, 1).getTimezoneOffset()).toBe(winterMinutes)
    const dates = [
      '2026-03-01T12:00:09',
      '2026-03-01T12:00:09.000',
      '2026-03-01 12:00:09',
      'Sun, 01 Mar 2026 12:00:09',
      'Sun Mar  1 12:00:09 2026',
      'Sunday, 01-Mar-26 12:00:09',
      'Mar 1, 2026 12:00:09 PM',
      'Sun, 01 Mar 2026 12:00:09 GMT',
      '2026-03-01T12:00:09Z',
      '2026-03-01T14:00:09+02:00',
      '2026-03-01 07:00:09 -0500',
      'Sun, 01 Mar 2026 07:00:09 EST',
      'Sun Mar 01 2026 13:00:09 GMT+0100 (CET)',
    ]
    for (const date of dates) {
      const wait = readRetryAfter(429, reader({ 'retry-after': date }), undefined, now)
      expect([date, wait]).toEqual([date, 9000])
    }
    const midnight = readRetryAfter(429, reader({ 'retry-after': '2026-03-02' }), undefined, now)
    expect(midnight).toBe(12 * 3_600_000)
  })
})
