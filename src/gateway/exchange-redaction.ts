/** What of a request and its answer may be kept: without credentials, and without what the workspace's rules name. */
import { parseSingularPath, readSingularPath, type SingularPath } from '../auth/singular-path.ts'
import type { Injection } from '../auth/strategy.ts'
import { formsOf } from '../auth/tokens/secret-mask.ts'
import type { CallExchange, KeptBody, KeptHeader } from '../calls/exchange.ts'
import { isBodyRule } from '../connections/call-body-settings.ts'
import { decodeBody } from '../passthrough/decode.ts'
import { parseExactJson } from '../passthrough/exact-json.ts'
import { joinHeader } from '../passthrough/response.ts'
import type { Beginning } from './kept-exchange.ts'

export interface TakenExchange {
  readonly requestHeaders: readonly KeptHeader[]
  readonly request: Beginning | null
  readonly responseHeaders: readonly KeptHeader[]
  readonly answer: Beginning | null
}

interface Redaction {
  readonly rules: readonly string[]
  /** What was added to the request on its way out; the vendor may repeat it. */
  readonly injection: Injection | undefined
}

const redacted = '[redacted]'
/** Of a secret: fewer characters stand in many places by chance. */
const shortestPart = 4
/** A small body may be decoded to a large one. */
const maxDecodedBytes = 1024 * 1024

/** Names of headers that hold what proves somebody, whatever the workspace's rules say. */
const secretHeader =
  /authorization|cookie|passw|secret|credential|signature|assertion|(?:^|[-_])(?:auth|key|session)$|api[-_]?key$|token$/i

export async function redactExchange(taken: TakenExchange, { rules, injection }: Redaction): Promise<CallExchange> {
  const secrets = injection === undefined ? [] : secretsOf(injection)
  const headers = new Set(rules.filter(rule => !isBodyRule(rule)))
  const paths = rules.filter(isBodyRule).map(rule => parseSingularPath(rule) ?? [])
  const redactHeaders = (list: readonly KeptHeader[]) => list.map(header => redactHeader(header, headers, secrets))
  const { requestHeaders, responseHeaders } = taken
  const request = await redactBody(taken.request, requestHeaders, paths, secrets)
  const answer = await redactBody(taken.answer, responseHeaders, paths, secrets)
  return {
    requestHeaders: redactHeaders(requestHeaders),
    requestBody: request.body,
    responseHeaders: redactHeaders(responseHeaders),
    responseBody: answer.body,
    isRequestRedacted: request.isChanged,
  }
}

function redactHeader({ name, value }: KeptHeader, names: ReadonlySet<string>, secrets: readonly string[]): KeptHeader {
  const isSecret = names.has(name.toLowerCase()) || (secretHeader.test(name) && !/^idempotency-key$/i.test(name))
  return { name, value: isSecret || secrets.some(secret => value.includes(secret)) ? redacted : value }
}

interface RedactedBody {
  readonly body: KeptBody | null
  readonly isChanged: boolean
}

async function redactBody(
  beginning: Beginning | null,
  headers: readonly KeptHeader[],
  paths: readonly SingularPath[],
  secrets: readonly string[],
): Promise<RedactedBody> {
  if (beginning === null || beginning.sizeBytes === 0) return { body: null, isChanged: false }
  const { sizeBytes, keptBytes } = beginning
  const isTruncated = keptBytes < sizeBytes
  const omit = (omitted: string) => ({ body: { sizeBytes, bytes: null, isTruncated, omitted }, isChanged: true })
  const taken = beginning.bytes
  const whole = isTruncated ? undefined : await decode(taken, headers)
  const ruled = paths.length === 0 ? (whole ?? taken) : whole && redactJson(whole, paths)
  // What a rule cannot be applied to may hold what the rule is about.
  if (ruled === undefined) return omit('The redaction rules apply to whole JSON bodies only.')
  const bytes = hideSecrets(ruled, secrets, isTruncated)
  if (bytes === undefined) return omit('It repeats the credential.')
  return { body: { sizeBytes, bytes, isTruncated, omitted: null }, isChanged: !bytes.equals(taken) }
}

/** As it came where it cannot be decoded. */
async function decode(bytes: Buffer, headers: readonly KeptHeader[]): Promise<Buffer> {
  const decoding = decodeBody(bytes, joinHeader(headers, 'content-encoding'), maxDecodedBytes)
  return (await decoding.catch(() => undefined)) ?? bytes
}

/** Written anew: of a name that came twice the value that no rule reaches is gone, too. Undefined for what is no JSON. */
function redactJson(bytes: Buffer, paths: readonly SingularPath[]): Buffer | undefined {
  try {
    const value = parseExactJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    for (const path of paths) redactAt(value, path)
    return Buffer.from(JSON.stringify(value))
  } catch {
    return undefined
  }
}

function redactAt(value: unknown, path: SingularPath): void {
  const parent = readSingularPath(path.slice(0, -1), value)
  const last = path.at(-1) ?? ''
  if (typeof parent !== 'object' || parent === null || readSingularPath([last], parent) === undefined) return
  const name = typeof last === 'number' && last < 0 && Array.isArray(parent) ? parent.length + last : last
  // Assigned, the name `__proto__` would not be a member.
  Object.defineProperty(parent, name, { value: redacted, enumerable: true, writable: true, configurable: true })
}

/** Byte for byte, whatever the charset. Undefined when a secret is too short to be told from chance. */
function hideSecrets(bytes: Buffer, secrets: readonly string[], isTruncated: boolean): Buffer | undefined {
  let text = bytes.toString('latin1')
  for (const secret of secrets) {
    const form = Buffer.from(secret).toString('latin1')
    if (form.length < shortestPart && text.includes(form)) return undefined
    text = text.replaceAll(form, redacted)
    if (isTruncated) text = withoutEnd(text, form)
  }
  return Buffer.from(text, 'latin1')
}

/** Where a body was cut off, the beginning of a secret may be left. */
function withoutEnd(text: string, form: string): string {
  for (let length = form.length - 1; length >= shortestPart; length -= 1) {
    if (text.endsWith(form.slice(0, length))) return text.slice(0, -length)
  }
  return text
}

/** The values that the injection adds, in the spellings in which they may come back; the longest first. */
function secretsOf({ headers, query, body }: Injection): string[] {
  const values = [headers, query, body].flatMap(fields => Object.values(fields)).filter(value => value !== '')
  const parts = values.flatMap(value => {
    const [scheme = '', rest = ''] = value.split(/ (.*)/s)
    if (rest === '') return [value]
    // RFC 7617: a vendor that repeats it may repeat it as text.
    const [, password = ''] = /^basic$/i.test(scheme) ? Buffer.from(rest, 'base64').toString().split(/:(.*)/s) : []
    return [value, rest, password].filter(part => part.length >= shortestPart)
  })
  const forms = new Set(parts.flatMap(formsOf))
  return [...forms].sort((left, right) => right.length - left.length)
}
