/** What a vendor's answer says of its limits: how long to wait, and what is left. */

/** Header names and statuses of one vendor, beside those that everybody uses; names in lower case. */
export interface RateHints {
  /** Says how long to wait: seconds or an HTTP date. */
  readonly after?: string | undefined
  /** Says when to come back: seconds of the epoch or a date. */
  readonly at?: string | undefined
  /** Says how many calls are left. */
  readonly remaining?: string | undefined
  readonly statuses?: readonly number[] | undefined
}

/** A header's value by its name in lower case. */
export type HeaderReader = (name: string) => string | undefined

/** What a vendor has left for one account. */
export interface VendorBudget {
  /** Calls per window; null when the vendor does not say. */
  readonly limit: number | null
  readonly remaining: number
  /** When the window ends; null when the vendor does not say. */
  readonly resetsAt: Date | null
}

/** Beyond a year it is no window but a mistake. */
const longestMs = 366 * 86_400_000

/**
 * Milliseconds that the answer asks to wait: `Retry-After` (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3), else the
 * vendor's own headers, else when the budget it names comes back. A time to come back counts only where a limit is
 * spent: vendors name the end of their window on every answer, a 500 too.
 */
export function readRetryAfter(
  status: number,
  header: HeaderReader,
  hints: RateHints | undefined,
  nowMs: number,
): number | undefined {
  for (const name of ['retry-after', hints?.after]) {
    const waitMs = name === undefined ? undefined : readWait(header(name), nowMs)
    if (waitMs !== undefined) return waitMs
  }
  const millis = readCount(header('retry-after-ms'))
  if (millis !== undefined) return within(millis)
  const budget = readBudget(header, hints, nowMs)
  const isSpent = status === 429 || budget?.remaining === 0 || hints?.statuses?.includes(status) === true
  if (!isSpent) return undefined
  const at = hints?.at === undefined ? undefined : readMoment(header(hints.at), nowMs)
  const resetsAtMs = at ?? budget?.resetsAt?.getTime()
  return resetsAtMs === undefined ? undefined : within(Math.max(0, resetsAtMs - nowMs))
}

/**
 * The budget that an answer names: by the vendor's own headers, the `RateLimit` drafts
 * (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/), or the `X-RateLimit-*` custom.
 */
export function readBudget(
  header: HeaderReader,
  hints: RateHints | undefined,
  nowMs: number,
): VendorBudget | undefined {
  return readHinted(header, hints, nowMs) ?? readStructured(header, nowMs) ?? readFamilies(header, nowMs)
}

const families = ['ratelimit', 'x-ratelimit', 'x-rate-limit', 'x-hubspot-ratelimit'] as const

function readHinted(header: HeaderReader, hints: RateHints | undefined, nowMs: number): VendorBudget | undefined {
  if (hints?.remaining === undefined) return undefined
  const remaining = readCount(header(hints.remaining))
  if (remaining === undefined) return undefined
  const limitName = hints.remaining.replace(/-remaining$/, '-limit')
  const limit = limitName === hints.remaining ? undefined : readCount(header(limitName))
  const resetsAtMs = hints.at === undefined ? undefined : readMoment(header(hints.at), nowMs)
  return toBudget(limit, remaining, resetsAtMs)
}

function readFamilies(header: HeaderReader, nowMs: number): VendorBudget | undefined {
  for (const family of families) {
    const remaining = readCount(header(`${family}-remaining`))
    if (remaining === undefined) continue
    const limit = readCount(header(`${family}-limit`) ?? header(`${family}-max`))
    return toBudget(limit, remaining, readMoment(header(`${family}-reset`), nowMs))
  }
  return undefined
}

/** `RateLimit: "default";r=50;t=30` with its policy, or `RateLimit: limit=100, remaining=50, reset=5`; the tightest counts. */
function readStructured(header: HeaderReader, nowMs: number): VendorBudget | undefined {
  const field = header('ratelimit')
  if (field === undefined || field.length > maxFieldLength) return undefined
  if (/(?:^|[,;\s])remaining=/.test(field)) {
    const remaining = readParameter(field, 'remaining')
    const reset = readParameter(field, 'reset')
    return remaining === undefined
      ? undefined
      : toBudget(readParameter(field, 'limit'), remaining, reset === undefined ? undefined : nowMs + reset * 1000)
  }
  const policies = header('ratelimit-policy') ?? ''
  const budgets = field.split(',').flatMap(item => {
    const remaining = readParameter(item, 'r')
    if (remaining === undefined) return []
    const seconds = readParameter(item, 't')
    const name = item.split(';', 1)[0]?.trim() ?? ''
    const policy =
      policies.length > maxFieldLength ? undefined : policies.split(',').find(text => text.trim().startsWith(name))
    const limit = policy === undefined ? undefined : readParameter(policy, 'q')
    return [toBudget(limit, remaining, seconds === undefined ? undefined : nowMs + seconds * 1000)]
  })
  return budgets.sort((a, b) => a.remaining - b.remaining)[0]
}

const maxFieldLength = 2048

function readParameter(text: string, name: string): number | undefined {
  return readCount(new RegExp(`(?:^|[,;\\s])${name}=(\\d+)(?:$|[,;\\s])`).exec(text)?.[1])
}

function toBudget(limit: number | undefined, remaining: number, resetsAtMs: number | undefined): VendorBudget {
  return { limit: limit ?? null, remaining, resetsAt: resetsAtMs === undefined ? null : new Date(resetsAtMs) }
}

/** Some vendors list a figure per window (`100, 100;w=60`): the first is the one that counts now. */
function readCount(text: string | undefined): number | undefined {
  const digits = /^\s*(\d{1,15})(?:\.\d+)?\s*(?:$|[,;])/.exec(text ?? '')?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** A wait: seconds, or an HTTP date. */
function readWait(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  if (/^\s*\d{1,9}(?:\.\d{1,9})?\s*$/.test(text)) return within(Math.ceil(Number(text) * 1000))
  const dateMs = readDate(text)
  return dateMs === undefined ? undefined : within(Math.max(0, dateMs - nowMs))
}

/** A moment: a date, or a number whose size says what it is: seconds from now, seconds or milliseconds of the epoch. */
function readMoment(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  if (!/^\s*\d{1,15}(?:\.\d{1,9})?\s*$/.test(text)) return plausible(readDate(text), nowMs)
  const value = Number(text)
  if (value > 1e11) return plausible(value, nowMs)
  return plausible(value > 1e8 ? value * 1000 : nowMs + value * 1000, nowMs)
}

function readDate(text: string): number | undefined {
  if (text.length > 64 || !/^[A-Za-z]{3}|^\d{4}-\d\d-\d\d/.test(text.trim())) return undefined
  const dateMs = Date.parse(text)
  return Number.isNaN(dateMs) ? undefined : dateMs
}

function within(waitMs: number): number | undefined {
  return waitMs <= longestMs ? waitMs : undefined
}

function plausible(momentMs: number | undefined, nowMs: number): number | undefined {
  return momentMs !== undefined && Math.abs(momentMs - nowMs) <= longestMs ? momentMs : undefined
}
