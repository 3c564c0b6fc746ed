/** What of a request and its answer may be kept: without credentials, and without what the workspace's rules name. */
import type { Injection } from '../auth/strategy.ts'
import type { CallExchange, KeptBody, KeptHeader } from '../calls/exchange.ts'
import { isBodyRule } from '../connections/call-body-settings.ts'
import { parseRedactionPath, type RedactionPath, replaceAt } from '../connections/redaction-path.ts'
import { parseExactJson } from '../passthrough/exact-json.ts'
import { parseMediaType } from '../passthrough/media-type.ts'
import { joinHeader } from '../passthrough/response.ts'
import { type DecodedBeginning, decodeBeginning, sniffCoding } from './decode-beginning.ts'
import { hideSecrets, redacted } from './hide-secrets.ts'
import { secretsOf } from './injected-secrets.ts'
import type { Beginning } from './kept-exchange.ts'
import { SecretFinder } from './secret-finder.ts'

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

/** A small body may be decoded to a large one. */
const maxDecodedBytes = 1024 * 1024
/** Values of one body that all paths together may look at. */
const maxRuledValues = 200_000

/** Names of headers that hold what proves somebody, whatever the workspace's rules say. */
const secretHeader =
  /authorization|cookie|passw|secret|credential|signature|assertion|(?:^|[-_])(?:auth|key|session)$|api[-_]?key$|token$/i

/** What is to be taken out of bodies. */
interface Unkept {
  readonly paths: readonly RedactionPath[]
  readonly finder: SecretFinder
}

export async function redactExchange(taken: TakenExchange, { rules, injection }: Redaction): Promise<CallExchange> {
  const finder = new SecretFinder(injection === undefined ? [] : secretsOf(injection))
  const headers = new Set(rules.filter(rule => !isBodyRule(rule)))
  const paths = rules.filter(isBodyRule).map(rule => parseRedactionPath(rule) ?? [])
  const redactHeaders = (list: readonly KeptHeader[]) => list.map(header => redactHeader(header, headers, finder))
  const { requestHeaders, responseHeaders } = taken
  const request = await redactBody(taken.request, requestHeaders, { paths, finder })
  const answer = await redactBody(taken.answer, responseHeaders, { paths, finder })
  return {
    requestHeaders: redactHeaders(requestHeaders),
    requestBody: request.body,
    responseHeaders: redactHeaders(responseHeaders),
    responseBody: answer.body,
    isRequestRedacted: request.isChanged,
  }
}

function redactHeader({ name, value }: KeptHeader, names: ReadonlySet<string>, finder: SecretFinder): KeptHeader {
  const isSecret = names.has(name.toLowerCase()) || (secretHeader.test(name) && !/^idempotency-key$/i.test(name))
  // Header values came as bytes, each of them a character.
  const isRepeat = finder.isIn(Buffer.from(value)) || finder.isIn(Buffer.from(value, 'latin1'))
  return { name, value: isSecret || isRepeat ? redacted : value }
}

interface RedactedBody {
  readonly body: KeptBody | null
  readonly isChanged: boolean
}

async function redactBody(
  kept: Beginning | null,
  headers: readonly KeptHeader[],
  { paths, finder }: Unkept,
): Promise<RedactedBody> {
  if (kept === null || kept.sizeBytes === 0) return { body: null, isChanged: false }
  const { sizeBytes, keptBytes, bytes: taken } = kept
  const isTruncated = keptBytes < sizeBytes
  const omit = (omitted: string) => ({ body: { sizeBytes, bytes: null, isTruncated, omitted }, isChanged: true })
  const beginning = { bytes: taken, isCut: isTruncated || kept.isOpen }
  const decoded = (await decode(beginning, headers)) ?? (finder.isEmpty ? beginning : undefined)
  // What a rule cannot be applied to may hold what the rule is about.
  const ruled = paths.length === 0 ? decoded : redactJson(decoded ?? { bytes: taken, isCut: true }, paths)
  if (ruled === undefined) return omit('Its content-encoding cannot be undone.')
  if (typeof ruled === 'string') return omit(ruled)
  if (await maySecretBePacked(ruled, finder)) return omit('It is compressed, and may repeat the credential.')
  const hidden = await hideInText(ruled, headers, finder)
  if (typeof hidden === 'string') return omit(hidden)
  const body = { sizeBytes, isTruncated: ruled.isCut, omitted: null, ...hidden }
  return { body, isChanged: !hidden.bytes.equals(taken) }
}

/** Undefined when it cannot be decoded. What was cut off does not grow beyond what may be kept of it. */
function decode(beginning: DecodedBeginning, headers: readonly KeptHeader[]): Promise<DecodedBeginning | undefined> {
  const maxBytes = beginning.isCut ? beginning.bytes.length : maxDecodedBytes
  return decodeBeginning(beginning, joinHeader(headers, 'content-encoding'), maxBytes)
}

/** Written anew: of a name that came twice the value that no rule reaches is gone, too. @returns why it cannot be kept, or it */
function redactJson({ bytes, isCut }: DecodedBeginning, paths: readonly RedactionPath[]): DecodedBeginning | string {
  const notWhole = 'The redaction rules apply to whole JSON bodies only.'
  if (isCut) return notWhole
  try {
    const value = parseExactJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (!replaceAt(value, paths, redacted, maxRuledValues)) return 'The redaction rules look at too many values of it.'
    return { bytes: Buffer.from(JSON.stringify(value)), isCut }
  } catch {
    return notWhole
  }
}

/** True for a compressed file with a secret in it, or too much for one to be ruled out: nothing can be taken out of it. */
async function maySecretBePacked(beginning: DecodedBeginning, finder: SecretFinder): Promise<boolean> {
  const coding = sniffCoding(beginning.bytes)
  if (coding === undefined || finder.isEmpty) return false
  const unpacked = await decodeBeginning(beginning, coding, maxDecodedBytes)
  return unpacked !== undefined && (unpacked.bytes.length === maxDecodedBytes || finder.isIn(unpacked.bytes))
}

interface HiddenBody extends Pick<KeptBody, 'charset'> {
  readonly bytes: Buffer
}

/** In the text that the content type says it is, and in its bytes. @returns why it cannot be kept, or what can */
async function hideInText(
  { bytes, isCut }: DecodedBeginning,
  headers: readonly KeptHeader[],
  finder: SecretFinder,
): Promise<HiddenBody | string> {
  const contentType = headers.find(({ name }) => name.toLowerCase() === 'content-type')
  const { charset = 'utf-8' } = parseMediaType(contentType?.value)
  const text = finder.isEmpty || isByteCharset(charset) ? undefined : readText(bytes, charset, isCut)
  if (text === null) return 'Its charset is not known.'
  if (text === undefined && isWideRepeat(bytes, finder)) return 'It repeats the credential.'
  const hiddenText = text && (await hideSecrets(text, finder, isCut))
  const hidden = await hideSecrets(bytes, finder, isCut)
  if (hidden === undefined || (text !== undefined && hiddenText === undefined)) return 'It repeats the credential.'
  if (hiddenText === undefined || text === undefined || hiddenText.equals(text)) return { bytes: hidden }
  return { bytes: hiddenText, charset: 'utf-8' }
}

/** Whether UTF-16 that is not called so has a secret in it whose characters take both of their bytes. */
function isWideRepeat(bytes: Buffer, finder: SecretFinder): boolean {
  if (!finder.isWide || !bytes.includes(0)) return false
  return ['utf-16le', 'utf-16be'].some(charset => finder.isIn(readText(bytes, charset, true) ?? bytes))
}

/** Of a secret in UTF-8, ASCII or Latin-1 the bytes are looked for as they are. */
function isByteCharset(charset: string): boolean {
  return /^(?:utf-?8|us-ascii|ascii|iso-8859-1|iso8859-1|latin1|windows-1252)$/.test(charset)
}

/** As UTF-8; null when the charset is not known. A character that was cut off is left out. */
function readText(bytes: Buffer, charset: string, isCut: boolean): Buffer | null {
  try {
    return Buffer.from(new TextDecoder(charset).decode(bytes, { stream: isCut }))
  } catch {
    return null
  }
}
