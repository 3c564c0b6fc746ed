/** Which texts and numbers have a format of JSON Schema or OpenAPI; formats that are not here are remarks. */
import { isIP } from 'node:net'

type Format = ((text: string) => boolean) | { readonly type: 'number'; readonly validate: (value: number) => boolean }

/** A time without a zone is taken: many vendors document and take it. */
const time = String.raw`(?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?`
const timePattern = new RegExp(`^${time}$`, 'i')
const dateTimePattern = new RegExp(`^(\\d{4}-\\d\\d-\\d\\d)[T ]${time}$`, 'i')

export const formats: Readonly<Record<string, Format>> = {
  date: isDate,
  time: text => timePattern.test(text),
  'date-time': text => isDate(dateTimePattern.exec(text)?.[1] ?? ''),
  email: isEmail,
  hostname: text => text.length <= 253 && text.split('.').every(isLabel),
  ipv4: text => isIP(text) === 4,
  ipv6: text => isIP(text) === 6,
  uri: text => /^[a-z][a-z0-9+.-]*:[^\s]+$/i.test(text),
  uuid: text => /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text),
  int32: { type: 'number', validate: value => Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31 },
  // A double keeps no digit of its bounds.
  int64: { type: 'number', validate: value => Number.isInteger(value) && Math.abs(value) <= 2 ** 63 },
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
}

/** Cut by hand: one expression for both halves would have to be proved linear. */
function isEmail(text: string): boolean {
  const at = text.lastIndexOf('@')
  const domain = text.slice(at + 1)
  return at > 0 && !/[\s<>,;]/.test(text) && domain.length <= 253 && domain.split('.').every(part => part !== '')
}

function isLabel(label: string): boolean {
  return /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label)
}
