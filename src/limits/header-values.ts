/** The values of limit headers, as vendors write them: counts, waits and moments. */

/** Beyond a year it is no window but a mistake. */
const longestMs = 366 * 86_400_000

/** Some vendors list a figure per window (`100, 100;w=60`): the first is the one that counts now. */
export function readCount(text: string | undefined): number | undefined {
  const digits = /^\s*(\d{1,15})(?:\.\d+)?\s*(?:$|[,;])/.exec(text ?? '')?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** A wait in milliseconds, from seconds or an HTTP date. */
export function readWait(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  if (/^\s*\d{1,9}(?:\.\d{1,9})?\s*$/.test(text)) return within(Math.ceil(Number(text) * 1000))
  const dateMs = readDate(text)
  return dateMs === undefined ? undefined : within(Math.max(0, dateMs - nowMs))
}

/** A moment: a date, or a number whose size says what it is: seconds from now, seconds or milliseconds of the epoch. */
export function readMoment(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  if (!/^\s*\d{1,15}(?:\.\d{1,9})?\s*$/.test(text)) return plausible(readDate(text), nowMs)
  const value = Number(text)
  if (value > 1e11) return plausible(value, nowMs)
  return plausible(value > 1e8 ? value * 1000 : nowMs + value * 1000, nowMs)
}

export function within(waitMs: number): number | undefined {
  return waitMs <= longestMs ? waitMs : undefined
}

export function plausible(momentMs: number | undefined, nowMs: number): number | undefined {
  return momentMs !== undefined && Math.abs(momentMs - nowMs) <= longestMs ? momentMs : undefined
}

/** A date without a zone is in UTC (https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7); `Date.parse` takes the machine's. */
function readDate(text: string): number | undefined {
  const date = text.trim()
  if (date.length > 64 || !/^[A-Za-z]{3}|^\d{4}-\d\d-\d\d/.test(date)) return undefined
  const zone = hasZone(date) ? '' : /\dT\d/.test(date) ? 'Z' : ' UTC'
  const dateMs = Date.parse(date + zone)
  return Number.isNaN(dateMs) ? undefined : dateMs
}

/** It ends in a name that is not AM or PM, in a remark, or in an offset after a time. */
function hasZone(date: string): boolean {
  return /(?:[a-z)]|(?::\d\d(?:\.\d+)?|GMT|UTC) ?[+-]\d\d:?\d\d)$/i.test(date) && !/\d ?[AP]M$/i.test(date)
}
